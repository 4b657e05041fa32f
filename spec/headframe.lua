-- HF/1 in Wireshark and tshark (4.0 and later).
--
--   tshark -X lua_script:spec/headframe.lua -r capture.pcap -V
--   another port: -d tcp.port==9000,headframe, or "Decode As..." in the window
--
-- A head, that is N and the header, is put together from its TCP segments; a body is not, it is
-- shown where its bytes are, so that a file of gigabytes costs nothing. The law of this script: it
-- judges what is fatal (chapters 2 to 4) and cites the rule; whether a request is refused is for
-- the server to say. After a fatal error, or where the capture misses bytes outside a body, nothing
-- more is interpreted.

local headframe = Proto("headframe", "HF/1, the Headframe protocol")

local PORT = 37263
local LENGTH_BYTES = 4
local LENGTH_MIN = 2
local LENGTH_MAX = 65535
local INTEGER_MAX = 9007199254740991
local DEPTH_MAX = 16
local MEMBERS_MAX = 64

-- What can be filtered by: headframe.cmd == "put" && headframe.total > 1000000
local MEMBERS = {
  integer = { "filesize", "id", "retry_ms", "total", "mtime", "offset", "length", "limit" },
  boolean = { "more", "ok", "close", "abort", "end" },
  string = {
    "cmd", "code", "message", "digest", "filename", "if", "rev", "upload", "prefix", "after",
    "delimiter", "to", "to_if", "to_rev", "server", "durability",
  },
}

local fields = {
  n = ProtoField.uint32("headframe.n", "N", base.DEC, nil, nil, "Bytes of the header"),
  header = ProtoField.string("headframe.header", "Header"),
  body = ProtoField.bytes("headframe.body", "Body"),
  header_in = ProtoField.framenum("headframe.header_in", "Header in"),
  request_in = ProtoField.framenum("headframe.request_in", "Request in", base.NONE,
    frametype.REQUEST),
  reply_in = ProtoField.framenum("headframe.reply_in", "Reply in", base.NONE, frametype.RESPONSE),
  time = ProtoField.relative_time("headframe.time", "Time since the request"),
  rest = ProtoField.bytes("headframe.rest", "Not interpreted"),
}
local listed = {}
for _, field in pairs(fields) do listed[#listed + 1] = field end
local members = {}
local makers = {
  integer = ProtoField.uint64, boolean = ProtoField.bool, string = ProtoField.string,
}
for kind, names in pairs(MEMBERS) do
  for _, name in ipairs(names) do
    members[name] = { kind = kind, field = makers[kind]("headframe." .. name, name) }
    listed[#listed + 1] = members[name].field
  end
end
headframe.fields = listed

local experts = {
  ["bad-frame"] = ProtoExpert.new("headframe.bad_frame", "bad-frame", expert.group.MALFORMED,
    expert.severity.ERROR),
  ["bad-header"] = ProtoExpert.new("headframe.bad_header", "bad-header", expert.group.MALFORMED,
    expert.severity.ERROR),
  ["bad-reply"] = ProtoExpert.new("headframe.bad_reply", "A reply to no request",
    expert.group.PROTOCOL, expert.severity.ERROR),
  refused = ProtoExpert.new("headframe.refused", "Refused", expert.group.RESPONSE_CODE,
    expert.severity.NOTE),
  lost = ProtoExpert.new("headframe.lost", "Out of step", expert.group.UNDECODED,
    expert.severity.WARN),
}
local listed_experts = {}
for _, one in pairs(experts) do listed_experts[#listed_experts + 1] = one end
headframe.experts = listed_experts

local get_stream = Field.new("tcp.stream")
local get_sequence = Field.new("tcp.seq")
local get_segment_bytes = Field.new("tcp.len")
local json = Dissector.get("json")

-- ---- JSON of chapter 3: members with their places, or the rule that is broken ---------------

local function fail(rule, text)
  error({ code = "bad-header", rule = rule, text = text }, 0)
end

local function encode(point)
  if point < 0x80 then return string.char(point) end
  if point < 0x800 then
    return string.char(0xC0 + math.floor(point / 64), 0x80 + point % 64)
  end
  local last = string.char(0x80 + math.floor(point / 64) % 64, 0x80 + point % 64)
  if point < 0x10000 then return string.char(0xE0 + math.floor(point / 4096)) .. last end
  local first = string.char(0xF0 + math.floor(point / 262144))
  return first .. string.char(0x80 + math.floor(point / 4096) % 64) .. last
end

local function check_character(point)
  if point >= 0xD800 and point <= 0xDFFF then
    fail("HF-HEADER-005", string.format("lone surrogate U+%04X", point))
  end
  if point % 0x10000 >= 0xFFFE or (point >= 0xFDD0 and point <= 0xFDEF) then
    fail("HF-HEADER-005", string.format("noncharacter U+%04X", point))
  end
end

-- The bytes that follow the first, the least code point they are for, and the bits of the first.
local function shape_of(first)
  if first >= 0xC2 and first <= 0xDF then return 1, 0x80, first - 0xC0 end
  if first >= 0xE0 and first <= 0xEF then return 2, 0x800, first - 0xE0 end
  if first >= 0xF0 and first <= 0xF4 then return 3, 0x10000, first - 0xF0 end
end

local function check_utf8(text)
  if text:sub(1, 3) == "\239\187\191" then fail("HF-HEADER-001", "byte order mark") end
  local at = text:find("[\128-\255]")
  while at do
    local following, least, point = shape_of(text:byte(at))
    local tail = following and text:match("^[\128-\191]+", at + 1) or ""
    if not following or #tail < following then
      fail("HF-HEADER-001", "no UTF-8 at byte " .. (at - 1))
    end
    for index = 1, following do point = point * 64 + tail:byte(index) - 0x80 end
    if point < least or point > 0x10FFFF or (point >= 0xD800 and point <= 0xDFFF) then
      fail("HF-HEADER-001", "no UTF-8 at byte " .. (at - 1))
    end
    check_character(point)
    at = text:find("[\128-\255]", at + following + 1)
  end
end

local ESCAPES = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local read_value

local function skip_space(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function not_json(at)
  fail("HF-HEADER-002", "no JSON at byte " .. (at - 1))
end

local function read_escaped(text, at)
  local digits = text:match("^u(%x%x%x%x)", at)
  if not digits then
    local plain = ESCAPES[text:sub(at, at)]
    if not plain then not_json(at) end
    return plain, at + 1
  end
  local point = tonumber(digits, 16)
  local low = tonumber(text:match("^\\u([dD][c-fC-F]%x%x)", at + 5) or "", 16)
  if low and point >= 0xD800 and point <= 0xDBFF then
    point, at = 0x10000 + (point - 0xD800) * 1024 + low - 0xDC00, at + 6
  end
  check_character(point)
  return encode(point), at + 5
end

local function read_string(text, at)
  if text:sub(at, at) ~= '"' then not_json(at) end
  local parts = {}
  at = at + 1
  while true do
    local plain = text:match('^[^"\\%c]+', at) or text:match("^\127+", at) or ""
    parts[#parts + 1] = plain
    at = at + #plain
    local ending = text:sub(at, at)
    if ending == '"' then return table.concat(parts), at + 1 end
    if ending == "\\" then
      parts[#parts + 1], at = read_escaped(text, at + 1)
    elseif plain == "" then
      not_json(at)
    end
  end
end

local function read_number(text, at)
  local digits = text:match("^%-?%d+", at)
  if not digits or digits:find("^%-?0%d") then not_json(at) end
  local ending = at + #digits
  ending = ending + #(text:match("^%.%d+", ending) or "")
  ending = ending + #(text:match("^[eE][+-]?%d+", ending) or "")
  local number = text:sub(at, ending - 1)
  if math.abs(tonumber(number)) == math.huge then
    fail("HF-HEADER-007", "number beyond a double at byte " .. (at - 1))
  end
  return number, ending
end

-- Calls `read_one` for each part of an object or array; returns where it ends.
local function read_parts(text, at, closing, read_one)
  at = skip_space(text, at + 1)
  if text:sub(at, at) == closing then return at + 1 end
  while true do
    at = skip_space(text, read_one(at))
    local ending = text:sub(at, at)
    if ending == closing then return at + 1 end
    if ending ~= "," then not_json(at) end
    at = skip_space(text, at + 1)
  end
end

local function read_object(text, at, depth)
  local found = { order = {} }
  local ending = read_parts(text, at, "}", function(start)
    local name, after = read_string(text, start)
    if found.order[name] then fail("HF-HEADER-006", 'the name "' .. name .. '" twice') end
    after = skip_space(text, after)
    if text:sub(after, after) ~= ":" then not_json(after) end
    local kind, value, last = read_value(text, skip_space(text, after + 1), depth + 1)
    found.order[name] = true
    found[#found + 1] = { name = name, kind = kind, value = value, first = start, last = last - 1 }
    return last
  end)
  return found, ending
end

-- Returns the kind of a value, the value (of a number its text), and where it ends.
function read_value(text, at, depth)
  local opening = text:sub(at, at)
  if (opening == "{" or opening == "[") and depth > DEPTH_MAX then
    fail("HF-HEADER-008", "nested deeper than " .. DEPTH_MAX)
  end
  if opening == "{" then
    return "object", read_object(text, at, depth)
  elseif opening == "[" then
    return "array", nil, read_parts(text, at, "]", function(start)
      local _, _, ending = read_value(text, start, depth + 1)
      return ending
    end)
  elseif opening == '"' then
    return "string", read_string(text, at)
  end
  for word, value in pairs({ ["true"] = true, ["false"] = false }) do
    if text:sub(at, at + #word - 1) == word then return "boolean", value, at + #word end
  end
  if text:sub(at, at + 3) == "null" then return "null", nil, at + 4 end
  return "number", read_number(text, at)
end

local function is_integer(member, least)
  if member.kind ~= "number" or not member.value:find("^%d+$") then return false end
  local value = tonumber(member.value)
  return value >= least and value <= INTEGER_MAX
end

local function read_header(text)
  check_utf8(text)
  local kind, found, ending = read_value(text, skip_space(text, 1), 1)
  if skip_space(text, ending) <= #text then not_json(skip_space(text, ending)) end
  if kind ~= "object" then fail("HF-HEADER-003", "an " .. kind .. ", not an object") end
  if #found > MEMBERS_MAX then fail("HF-HEADER-009", #found .. " members") end
  local by_name = {}
  for _, member in ipairs(found) do by_name[member.name] = member end
  local filesize, more, id = by_name.filesize, by_name.more, by_name.id
  if filesize and not is_integer(filesize, 0) then
    fail("HF-HEADER-011", "filesize is no integer")
  end
  if more and more.kind ~= "boolean" then fail("HF-HEADER-012", "more is no boolean") end
  if id and not is_integer(id, by_name.ok and 0 or 1) then
    fail("HF-HEADER-011", "id is no integer, or 0 in a request")
  end
  return found, by_name
end

-- ---- what is remembered of a capture ------------------------------------------------------

local calls, leading, connections -- by packet and bytes; by packet; by addresses and ports

function headframe.init()
  calls, leading, connections = {}, {}, {}
end

-- Returns the value of a field of TCP, nil where Wireshark has made none: it makes a tree of fields
-- only when somebody looks, which in its window is after the first pass.
local function known(field)
  local info = field()
  return info and info.value
end

-- Returns what is remembered of a connection; its ports may serve another one later.
local function connection_of(pinfo)
  local ends = { pinfo.src_port .. " " .. tostring(pinfo.src),
    pinfo.dst_port .. " " .. tostring(pinfo.dst) }
  table.sort(ends)
  local key, stream = table.concat(ends, " "), known(get_stream)
  local connection = connections[key]
  if not connection or (stream and connection.stream and connection.stream ~= stream) then
    connection = { stream = stream, asked = {}, answered = 0, live = {} }
    connections[key] = connection
  end
  return connection
end

-- Returns what a call of the dissector begins with. Wireshark shows a packet as often as somebody
-- looks at it, but only the first time in the order of the stream; that time is remembered. Of
-- several calls for one packet, alike as the records of TLS may be, each comes as often as all.
local function begin_call(tvb, pinfo)
  local key = pinfo.number .. ":" .. tvb:offset() .. ":" .. tvb:reported_len()
  local alike = calls[key] or { at = 0 }
  calls[key] = alike
  if pinfo.visited and #alike > 0 then
    alike.at = alike.at % #alike + 1
    return alike[alike.at]
  end
  local connection = connection_of(pinfo)
  local sender = pinfo.src_port .. " " .. tostring(pinfo.src)
  connection.live[sender] = connection.live[sender] or { body_left = 0 }
  local call = {
    connection = connection,
    sender = sender,
    start = connection.live[sender],
    frames = {},
    leads = not leading[pinfo.number],
  }
  leading[pinfo.number] = true
  alike[#alike + 1] = call
  return call
end

local function copy(state)
  local made = {}
  for key, value in pairs(state) do made[key] = value end
  return made
end

-- Compares where these bytes stand with where the last ended: the capture may miss some, or have
-- them out of order. That is no harm within a body.
local function find_gap(tvb, state)
  local sequence, segment_bytes = known(get_sequence), known(get_segment_bytes)
  if not sequence or tvb:offset() == 0 then -- put together from segments, or decrypted
    state.first_sequence, state.next_sequence = nil, nil
    return
  end
  sequence = sequence + segment_bytes - tvb:reported_len()
  state.first_sequence = sequence
  local missed = state.next_sequence and (sequence - state.next_sequence) % 4294967296 or 0
  if missed >= 2147483648 then
    state.is_behind = true
    state.fault = { code = "lost", text = "a segment out of order: allow TCP to put them in order" }
    return
  elseif missed <= state.body_left then
    state.body_left = state.body_left - missed
  else
    state.fault = { code = "lost", text = missed .. " bytes of the stream are not in the capture" }
  end
  state.next_sequence = (sequence + tvb:reported_len()) % 4294967296
end

-- ---- frames -------------------------------------------------------------------------------

local function bytes(count)
  return count == 1 and "1 byte" or count .. " bytes"
end

local function value_of(found, name, kind)
  local member = found[name]
  return member and member.kind == kind and member.value or nil
end

-- Returns what a header is, for people: "put #1 a.txt, 5 bytes".
local function describe(frame)
  local found = frame.found
  local words = {}
  local id = value_of(found, "id", "number")
  if found.cmd then
    words[1] = value_of(found, "cmd", "string") or "a command that is no string"
  elseif found.ok then
    words[1] = value_of(found, "ok", "boolean") and "ok" or value_of(found, "code", "string")
      or "refused"
  else
    words[1] = frame.is_later and "later frame" or "neither request nor reply"
  end
  if id == "0" then words[1] = "notice: " .. words[1] elseif id then words[2] = "#" .. id end
  if frame.request then words[#words + 1] = "(" .. (frame.request.cmd or "?") .. ")" end
  words[#words + 1] = value_of(found, "filename", "string") or value_of(found, "upload", "string")
  local text = table.concat(words, " ")
  if value_of(found, "to", "string") then text = text .. " to " .. found.to.value end
  if frame.body_bytes > 0 then text = text .. ", " .. bytes(frame.body_bytes) end
  if frame.has_more then text = text .. ", more follows" end
  if value_of(found, "abort", "boolean") then text = text .. ", abort" end
  return text
end

-- Finds the request that a reply answers, the first time the two are seen: replies come in order.
local function pair(frame, pinfo, connection)
  frame.number, frame.time = pinfo.number, pinfo.rel_ts
  local found = frame.found
  local id = value_of(found, "id", "number")
  if frame.is_later or not id then return end
  if found.cmd then
    frame.id, frame.cmd = id, value_of(found, "cmd", "string")
    connection.asked[#connection.asked + 1] = frame
  elseif found.ok and id ~= "0" then
    local request = connection.asked[connection.answered + 1]
    if request and request.id == id then
      frame.request, request.reply = request, frame
      connection.answered = connection.answered + 1
    elseif request then
      frame.fault = { code = "bad-reply", rule = "HF-REPLY-004",
        text = "id " .. id .. ", the oldest request without a reply has " .. request.id }
    end -- else the capture began later
  end
end

-- Returns the frame whose head begins at `offset`: what its header says, or a fault.
local function read_frame(tvb, offset, header_bytes, state)
  local frame = { found = {}, body_bytes = 0, is_later = state.is_later }
  local text = tvb(offset + LENGTH_BYTES, header_bytes):raw()
  local good, found, by_name = pcall(read_header, text)
  if not good then
    frame.fault = type(found) == "table" and found or { code = "lost", text = tostring(found) }
    frame.is_fatal = true
    return frame
  end
  frame.members, frame.found = found, by_name
  frame.body_bytes = tonumber(by_name.filesize and by_name.filesize.value or 0)
  frame.has_more = by_name.more and by_name.more.value or false
  if state.is_later and (by_name.cmd or by_name.ok) then
    frame.fault = { code = "bad-frame", rule = "HF-BODY-001",
      text = (by_name.cmd and "cmd" or "ok") .. " in a later header" }
  elseif state.is_later and frame.has_more and frame.body_bytes == 0 then
    frame.fault = { code = "bad-frame", rule = "HF-BODY-002", text = "more without a body" }
  end
  frame.is_fatal = frame.fault ~= nil
  return frame
end

local function show_fault(tree, fault)
  tree:add_proto_expert_info(experts[fault.code],
    fault.rule and fault.code .. " (" .. fault.rule .. "): " .. fault.text or fault.text)
end

local function show_members(tree, tvb, offset, frame)
  for _, member in ipairs(frame.members or {}) do
    local known = members[member.name]
    local range = tvb(offset + member.first - 1, member.last - member.first + 1)
    if known and known.kind == "integer" and is_integer(member, 0) then
      tree:add(known.field, range, UInt64.new(tonumber(member.value) % 4294967296,
        math.floor(tonumber(member.value) / 4294967296)))
    elseif known and known.kind == member.kind then
      tree:add(known.field, range, member.value)
    end
  end
end

local function show_pairing(tree, frame)
  if frame.request then
    tree:add(fields.request_in, frame.request.number):set_generated()
    local passed = frame.time - frame.request.time
    local seconds = math.floor(passed)
    tree:add(fields.time, NSTime.new(seconds, math.floor((passed - seconds) * 1e9 + 0.5)))
      :set_generated()
  end
  if frame.reply then tree:add(fields.reply_in, frame.reply.number):set_generated() end
  local code = value_of(frame.found, "code", "string")
  if code and not frame.fault then
    local word = value_of(frame.found, "id", "number") == "0" and "Notice: " or "Refused: "
    tree:add_proto_expert_info(experts.refused, word .. code)
  end
end

local function show_frame(tvb, offset, header_bytes, frame, pinfo, tree)
  local body_here = math.min(frame.body_bytes, tvb:len() - offset - LENGTH_BYTES - header_bytes)
  if frame.is_fatal then body_here = 0 end
  local item = tree:add(headframe, tvb(offset, LENGTH_BYTES + header_bytes + body_here))
  item:set_text("HF/1 " .. frame.text)
  item:add_le(fields.n, tvb(offset, LENGTH_BYTES))
  local range = tvb(offset + LENGTH_BYTES, header_bytes)
  local header = item:add(fields.header, range, range:raw())
  show_members(header, tvb, offset + LENGTH_BYTES, frame)
  if frame.members then json:call(range:tvb(), pinfo, header) end
  if frame.fault then show_fault(item, frame.fault) end
  show_pairing(item, frame)
  return item
end

-- Shows as much of the body as is here; returns where that ends.
local function show_body(tvb, offset, state, tree)
  local here = math.min(state.body_left, tvb:reported_len() - offset)
  local captured = math.min(here, tvb:len() - offset)
  if captured > 0 then
    local item = tree:add(fields.body, tvb(offset, captured))
    local begin = state.body_bytes - state.body_left
    item:set_text(string.format("Body: %s", bytes(state.body_bytes)))
    if here < state.body_bytes then
      item:set_text(string.format("Body: bytes %d to %d of %d", begin + 1, begin + here,
        state.body_bytes))
    end
  end
  state.body_left = state.body_left - here
  return offset + here, here
end

-- Returns how many bytes a head that begins at `offset` lacks (0: none), its N, or its fault.
local function find_head(tvb, offset)
  local here = tvb:len() - offset
  if here < LENGTH_BYTES then return DESEGMENT_ONE_MORE_SEGMENT end
  local header_bytes = tvb(offset, LENGTH_BYTES):le_uint()
  if header_bytes < LENGTH_MIN or header_bytes > LENGTH_MAX then
    return 0, header_bytes, { code = "bad-frame", rule = "HF-FRAME-002",
      text = "N is " .. header_bytes .. ", not " .. LENGTH_MIN .. " to " .. LENGTH_MAX }
  end
  return math.max(0, LENGTH_BYTES + header_bytes - here), header_bytes
end

local function show_rest(tvb, offset, fault, tree)
  local item = tree:add(headframe, tvb(offset))
  item:set_text("HF/1 " .. (fault.rule and "after a fatal error" or "out of step"))
  item:add(fields.rest, tvb(offset))
  if not fault.rule then show_fault(item, fault) end
end

-- Shows the frame that begins at `offset`; returns where it ends here, or nil if its head does not.
local function dissect_frame(tvb, offset, state, call, pinfo, tree)
  local lacking, header_bytes, fault = find_head(tvb, offset)
  if fault then
    state.fault = fault
    local item = tree:add(headframe, tvb(offset))
    item:set_text("HF/1 " .. fault.code)
    item:add_le(fields.n, tvb(offset, LENGTH_BYTES))
    show_fault(item, fault)
    return tvb:len(), fault.code .. " (" .. fault.rule .. ")"
  end
  if lacking ~= 0 then
    if pinfo.can_desegment == 0 then
      state.fault = { code = "lost", text = "a head in two segments: allow TCP to reassemble" }
      return offset
    end
    pinfo.desegment_offset, pinfo.desegment_len = offset, lacking
    return nil
  end
  local frame = call.frames[offset]
  if not frame then
    frame = read_frame(tvb, offset, header_bytes, state)
    if not frame.is_fatal then pair(frame, pinfo, call.connection) end
    local fatal = frame.is_fatal and frame.fault
    frame.text = fatal and fatal.rule and fatal.code .. " (" .. fatal.rule .. ")" or describe(frame)
    call.frames[offset] = frame
  end
  local item = show_frame(tvb, offset, header_bytes, frame, pinfo, tree)
  if frame.is_fatal then state.fault = frame.fault end
  state.body_left, state.body_bytes = frame.body_bytes, frame.body_bytes
  state.is_later, state.header_in = frame.has_more, pinfo.number
  offset = offset + LENGTH_BYTES + header_bytes
  if not frame.is_fatal then offset = show_body(tvb, offset, state, item) end
  return offset, frame.text
end

function headframe.dissector(tvb, pinfo, tree)
  local call = begin_call(tvb, pinfo)
  local state = copy(call.start)
  local texts, offset = {}, 0
  find_gap(tvb, state)
  while offset and offset < tvb:len() do
    local text
    if state.fault then
      show_rest(tvb, offset, state.fault, tree)
      texts[#texts + 1] = state.fault.code == "lost" and "out of step" or "not interpreted"
      break
    elseif state.body_left > 0 then
      local item = tree:add(headframe, tvb(offset, math.min(state.body_left, tvb:len() - offset)))
      item:set_text("HF/1 body")
      item:add(fields.header_in, state.header_in):set_generated()
      local here
      offset, here = show_body(tvb, offset, state, item)
      text = state.header_in ~= pinfo.number and "body, " .. bytes(here) or nil
    else
      offset, text = dissect_frame(tvb, offset, state, call, pinfo, tree)
    end
    texts[#texts + 1] = text
  end
  if not offset then -- the rest comes again, with what follows, or is missed
    local first, begun = state.first_sequence, pinfo.desegment_offset == 0
    state.next_sequence = first and (first + pinfo.desegment_offset) % 4294967296
      or begun and call.start.next_sequence or nil
  end
  if not pinfo.visited and not state.is_behind then call.connection.live[call.sender] = state end
  if #texts > 0 then
    pinfo.cols.protocol:set("HF/1")
    pinfo.cols.info:set((call.leads and "" or "; ") .. table.concat(texts, "; "))
    pinfo.cols.info:fence()
  end
  return tvb:len()
end

DissectorTable.get("tcp.port"):add(PORT, headframe)
pcall(function() DissectorTable.get("tls.alpn"):add("hf/1", headframe) end)
