// ledger.csv as bytes: one decision per line, quoted as RFC 4180 wants it.
//
// A file name that is not valid UTF-8 came here with each odd byte 0x80 to 0xff as the lone surrogate U+DC80 to U+DCFF;
// it goes out as \udc80 to \udcff. Ledgers had the very byte there once, and are read all the same.

const COLUMNS = ["file_name", "sha256", "decision", "label", "reason", "reviewer", "time", "attribute"];
const DECISIONS = ["keep", "drop", "relabel"];
const VALID = /((?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|[\x80-\xff]/g;

function decodeText(bytes) {
  const decoder = new TextDecoder();
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  const text = binary.replace(VALID, (all, valid) =>
    valid ? decoder.decode(Uint8Array.from(valid, (c) => c.charCodeAt(0))) : String.fromCharCode(0xdc00 + all.charCodeAt(0)));
  return text.replace(/^\ufeff/, "");
}

// Whether a spreadsheet could take a text for a formula, whatever blanks and unseen characters stand before it.
function runs(text) {
  if (/^[\t\r]/.test(text)) return true;
  for (const given of text) {
    const [seen] = given.normalize("NFKC").replace(/[\p{C}\p{Z}]/gu, "");
    if (seen) return "=+-@".includes(seen);
  }
  return false;
}

// A cell says a text so that no spreadsheet runs it and any reader of UTF-8 takes it; as files.py has it.
function cell(text) {
  const said = text.replace(/(\\*)(\p{Cs})|(\\+)(?=ud[89a-f][0-9a-f]{2})/gu, (all, before, odd) =>
    odd ? `${before + before}\\u${odd.charCodeAt(0).toString(16)}` : all + all);
  return runs(said.replace(/^'+/, "")) ? `'${said}` : said;
}

function uncell(said) {
  const text = said.startsWith("'") && runs(said.replace(/^'+/, "")) ? said.slice(1) : said;
  return text.replace(/(\\+)u(d[89a-f][0-9a-f]{2})/g, (all, before, code) =>
    "\\".repeat(before.length >> 1) + (before.length % 2 ? String.fromCharCode(parseInt(code, 16)) : `u${code}`));
}

function ledgerBlob(rows) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column] ?? ""))];
  const text = lines.map((line) => `${line.map((one) => quoted(cell(one))).join(",")}\r\n`).join("");
  return new Blob([text], { type: "text/csv" });
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
  const rows = lines.map((line) => Object.fromEntries(COLUMNS.map((column, at) => [column, uncell(line[at] ?? "")])));
  for (const row of rows) {
    row.sha256 = row.sha256.toLowerCase();
    row.decision = row.decision.toLowerCase();
    if (row.decision !== "relabel") row.label = row.attribute = "";
  }
  const good = rows.filter((row) => row.file_name && /^[0-9a-f]{64}$/.test(row.sha256)
    && !Number.isNaN(Date.parse(row.time)) && DECISIONS.includes(row.decision) && (row.decision === "relabel") === (row.label !== ""));
  return { rows: good, bad: rows.length - good.length };
}
