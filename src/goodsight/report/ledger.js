// ledger.csv as bytes: one decision per line, quoted as RFC 4180 wants it.
//
// A file name that is not valid UTF-8 came here with each odd byte 0x80 to 0xff as the lone surrogate U+DC80 to U+DCFF;
// it goes out, and comes back, as that very byte.

const COLUMNS = ["file_name", "sha256", "decision", "label", "reason", "reviewer", "time", "attribute"];
const DECISIONS = ["keep", "drop", "relabel"];
const VALID = /((?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|[\x80-\xff]/g;

function encodeText(text) {
  const encoder = new TextEncoder(); // what stands for no byte becomes U+FFFD
  const parts = text.split(/([\udc80-\udcff])/u).map((part) => {
    const odd = part.length === 1 && part >= "\udc80" && part <= "\udcff";
    return odd ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : encoder.encode(part);
  });
  return new Blob(parts, { type: "text/csv" });
}

function decodeText(bytes) {
  const decoder = new TextDecoder();
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  const text = binary.replace(VALID, (all, valid) =>
    valid ? decoder.decode(Uint8Array.from(valid, (c) => c.charCodeAt(0))) : String.fromCharCode(0xdc00 + all.charCodeAt(0)));
  return text.replace(/^\ufeff/, "");
}

// What a person typed must not run in a spreadsheet; names and labels stay as they are, since they are read back.
function plain(text) {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function ledgerBlob(rows) {
  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))];
  return encodeText(lines.map((line) => `${line.map(cell).join(",")}\r\n`).join(""));
}

// The lines of a CSV text, each a list of cells.
function parseCsv(text) {
  const lines = [];
  let line = [];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\r|\n|$)/g)) {
    line.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    if (line.length > 1 || line[0] !== "") lines.push(line);
    line = [];
  }
  return lines;
}

// The decisions of a ledger, and how many of its lines are none. Throws when it is no ledger at all.
function readLedger(bytes) {
  const [head, ...lines] = parseCsv(decodeText(bytes));
  // Ledgers had no attribute once.
  if (!head || ![COLUMNS, COLUMNS.slice(0, -1)].some((known) => head.join(",") === known.join(","))) throw new Error(`its first line must be ${COLUMNS.join(",")}`);
  const rows = lines.map((line) => Object.fromEntries(COLUMNS.map((column, at) => [column, line[at] ?? ""])));
  for (const row of rows) {
    row.sha256 = row.sha256.toLowerCase();
    row.decision = row.decision.toLowerCase();
    if (row.decision !== "relabel") row.label = row.attribute = "";
  }
  const good = rows.filter((row) => row.file_name && /^[0-9a-f]{64}$/.test(row.sha256)
    && !Number.isNaN(Date.parse(row.time)) && DECISIONS.includes(row.decision) && (row.decision === "relabel") === (row.label !== ""));
  return { rows: good, bad: rows.length - good.length };
}
