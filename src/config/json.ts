/** JSON with errors that say where: line, column, and what was expected there. */

export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly fault: string };

export function parseJson(text: string): Parsed {
  const plain = text.replace(/^\uFEFF/, '');
  try {
    return { ok: true, value: JSON.parse(plain) };
  } catch {
    return { ok: false, ...locate(plain) };
  }
}

class Fault extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** JSON.parse does not always tell the place; this walk stops at the same one. */
function locate(text: string): { readonly line: number; readonly column: number; readonly fault: string } {
  let fault = new Fault(text.length, 'the JSON is not valid');
  try {
    const end = skip(text, value(text, skip(text, 0)));
    if (end < text.length) throw new Fault(end, 'nothing may follow the closing brace');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error;
  }
  const before = text.slice(0, fault.at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, fault: fault.message };
}

function skip(text: string, at: number): number {
  let i = at;
  while (i < text.length && ' \t\r\n'.includes(text.charAt(i))) i += 1;
  return i;
}

function value(text: string, at: number): number {
  const first = text.charAt(at);
  if (first === '{') return list(text, at, '}', member);
  if (first === '[') return list(text, at, ']', value);
  if (first === '"') return string(text, at);
  if (first === '/' || first === '#') throw new Fault(at, 'JSON has no comments');
  if (first === "'") throw new Fault(at, 'strings stand in double quotes');
  return match(text, at, /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null/y, 'a value');
}

function member(text: string, at: number): number {
  if (text.charAt(at) !== '"') throw new Fault(at, 'expected a key in double quotes');
  const colon = skip(text, string(text, at));
  if (text.charAt(colon) !== ':') throw new Fault(colon, 'expected ":" after the key');
  return value(text, skip(text, colon + 1));
}

function list(text: string, at: number, close: string, item: (text: string, at: number) => number): number {
  let i = skip(text, at + 1);
  if (text.charAt(i) === close) return i + 1;
  for (;;) {
    i = skip(text, item(text, i));
    if (text.charAt(i) === close) return i + 1;
    if (text.charAt(i) !== ',') throw new Fault(i, `expected "," or "${close}"`);
    i = skip(text, i + 1);
    if (text.charAt(i) === close) throw new Fault(i, `no comma may stand before "${close}"`);
  }
}

function string(text: string, at: number): number {
  const end = match(text, at, /"([^"\\]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y, 'a string in double quotes');
  for (let i = at; i < end; i += 1) {
    if (text.charCodeAt(i) < 0x20) throw new Fault(i, 'a string ends on its line and holds no tabs');
  }
  return end;
}

function match(text: string, at: number, pattern: RegExp, what: string): number {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) throw new Fault(at, `expected ${what}`);
  return at + found[0].length;
}
