/**
 * Looks at TypeScript sources as text: imports, lengths of functions, forbidden words. No parser: strings, comments,
 * templates and regular expressions are blanked out first, and what remains is simple enough to count braces in.
 */

export interface SourceFile {
  /** Below `src/`, such as `core/path.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface FunctionSpan {
  /** First line, from 1. */
  readonly line: number;
  /** Lines of its own: those of functions inside it count there. */
  readonly lines: number;
}

/** The same text with the insides of comments, strings, templates and regular expressions blanked; lines stay. */
export function blank(text: string): string {
  let out = '';
  let i = 0;
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;
  const skipTo = (end: number) => {
    out += text.slice(i, end).replace(/[^\n]/g, ' ');
    i = end;
  };
  while (i < text.length) {
    const rest = text.slice(i, i + 2);
    const char = rest.charAt(0);
    if (rest === '//') skipTo(until(text, i, /\n/g, 0));
    else if (rest === '/*') skipTo(until(text, i + 2, /\*\//g, 2));
    else if (char === '"' || char === "'") skipTo(endOfQuoted(text, i, char));
    else if (char === '/' && startsRegex(out)) skipTo(endOfRegex(text, i));
    else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      const end = endOfTemplatePart(text, i + 1);
      skipTo(end);
      if (text.slice(end - 2, end) === '${') templates.push(depth);
    } else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      out += char;
      i += 1;
    }
  }
  return out;
}

/** All functions, methods and arrow functions with a body. */
export function functionSpans(text: string): readonly FunctionSpan[] {
  const code = blank(text);
  const open: { isFunction: boolean; line: number; inner: number }[] = [];
  const spans: FunctionSpan[] = [];
  let line = 1;
  let closedFunction = false;
  for (let i = 0; i < code.length; i += 1) {
    const char = code.charAt(i);
    if (char === '\n') line += 1;
    else if (char === '{') {
      const before = code.slice(Math.max(0, i - 2000), i).trimEnd();
      // `function f(): { a: string } {`: the first brace was its type, this one is the body.
      const isFunction = (closedFunction && before.endsWith('}')) || opensFunction(before);
      open.push({ isFunction, line, inner: 0 });
    } else if (char === '}') {
      const block = open.pop();
      closedFunction = block?.isFunction ?? false;
      if (block?.isFunction === true) {
        const total = line - block.line + 1;
        spans.push({ line: block.line, lines: total - block.inner });
        const around = open.findLast((one) => one.isFunction);
        if (around !== undefined && total > 1) around.inner += total;
      }
    }
  }
  return spans;
}

/** What a file imports or re-exports, types included. */
export function importsOf(text: string): readonly string[] {
  const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;=]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((found) => found[1] ?? ''));
}

function opensFunction(before: string): boolean {
  if (before.endsWith('=>')) return true;
  const typed = /\)\s*:\s*[^;{}=()]*(?:\([^()]*\)[^;{}=()]*)?$/.exec(before);
  const close = typed === null ? before.length - 1 : typed.index;
  if (before.charAt(close) !== ')') return false;
  let depth = 0;
  for (let i = close; i >= 0; i -= 1) {
    if (before.charAt(i) === ')') depth += 1;
    if (before.charAt(i) !== '(') continue;
    depth -= 1;
    if (depth === 0) return !/\b(if|for|while|switch|catch|with|await)\s*$/.test(before.slice(0, i));
  }
  return false;
}

function until(text: string, from: number, pattern: RegExp, more: number): number {
  pattern.lastIndex = from;
  const found = pattern.exec(text);
  return found === null ? text.length : found.index + more;
}

function endOfQuoted(text: string, at: number, quote: string): number {
  for (let i = at + 1; i < text.length; i += 1) {
    if (text.charAt(i) === '\\') i += 1;
    else if (text.charAt(i) === quote || text.charAt(i) === '\n') return i + 1;
  }
  return text.length;
}

/** After the closing backtick, or after a dollar and brace. */
function endOfTemplatePart(text: string, at: number): number {
  for (let i = at; i < text.length; i += 1) {
    if (text.charAt(i) === '\\') i += 1;
    else if (text.charAt(i) === '`') return i + 1;
    else if (text.startsWith('${', i)) return i + 2;
  }
  return text.length;
}

function endOfRegex(text: string, at: number): number {
  let inClass = false;
  for (let i = at + 1; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === '\\') i += 1;
    else if (char === '\n') return i;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return i + 1;
  }
  return text.length;
}

/** A slash divides after a value; anywhere else it begins a regular expression. */
function startsRegex(before: string): boolean {
  const last = before.trimEnd();
  return last === '' || /[(,=:[!&|?{};+\-*%~^<>]$/.test(last) || /\b(return|case|typeof|of|in)$/.test(last);
}
