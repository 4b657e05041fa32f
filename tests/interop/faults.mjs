// What can be wrong with what a peer sends (chapter 6 of HF/1).

/** The stream cannot be read any further. */
export class Fatal extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

/** A request is not carried out; the connection stays in step. */
export class Refusal extends Error {
  constructor(code, message, fields = {}) { super(message); this.code = code; this.fields = fields; }
}

/** End of file in the middle of a message: it was never sent (HF-BODY-010). */
export class CutOff extends Error {}

/** Nothing has come between two messages for too long. */
export class Idle extends Error {}
