meta:
  id: headframe_stream
  title: HF/1, one direction of a connection
  license: MIT
  ks-version: "0.10"
  endian: le
doc-ref: headframe.md, chapters 2 and 4
doc: |
  Messages, each of one frame or several: a length N, N bytes of JSON, and as many bytes of body as
  the JSON says in `filesize`. A message ends with the first frame that does not say `more`.

  Kaitai Struct has no JSON, so that the header goes through a custom process, `headframe_header`: a
  class in the language that this file is compiled to, whose `decode` gets the N bytes and returns
  them behind the two things that framing reads of them, as type `header` has them. formats.md has
  one in Python. What it does not accept, it raises an error for.
seq:
  - id: messages
    type: message
    repeat: eos
types:
  message:
    seq:
      - id: frames
        type: frame
        repeat: until
        repeat-until: _.header.more == 0
  frame:
    seq:
      - id: len_header
        type: u4
        valid:
          min: 2
          max: 65535
        doc: N, in bytes. Anything else is fatal and no HF/1 (HF-FRAME-002).
      - id: header
        size: len_header
        process: headframe_header
        type: header
      - id: body
        size: header.filesize
        doc: Raw bytes (HF-FRAME-005).
  header:
    doc: What the process `headframe_header` returns, not what is on the wire.
    seq:
      - id: filesize
        type: u8
        valid:
          max: 9007199254740991
        doc: The member `filesize`, 0 if it is absent.
      - id: more
        type: u1
        valid:
          max: 1
        doc: 1 if the member `more` is true.
      - id: text
        size-eos: true
        type: str
        encoding: UTF-8
        doc: The JSON as it came.
