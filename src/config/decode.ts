/** From the text of a configuration file to its checked content, or one sentence that says what is wrong and where. */
import type { z } from 'zod';
import { RtsyncError } from '../lib/errors.ts';
import { nearest } from '../lib/nearest.ts';
import { parseJson } from './json.ts';
import { type ConfigFile, fileSchema, keysAt } from './schema.ts';

/** `file`: how messages call it. Throws `config`. */
export function decodeConfig(text: string, file: string): ConfigFile {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    throw fault(`${file} is not valid JSON: line ${parsed.line}, column ${parsed.column}: ${parsed.fault}`);
  }
  refuseSecrets(parsed.value, file, '');
  const decoded = fileSchema.safeParse(parsed.value);
  if (decoded.success) return decoded.data;
  const sentences = decoded.error.issues.map((issue) => sentence(deepest(issue), parsed.value));
  throw fault(`${file}: ${[...new Set(sentences)].slice(0, 3).join('; ')}`);
}

type Issue = z.core.$ZodIssue;

/** Of a union that failed, the fault of the member that came furthest: it was the one meant. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.flat().filter((one) => one.path.length > 0 || one.code === 'unrecognized_keys');
  // A misspelt key says more than the missing one that it should have been.
  const first = inner.find((one) => one.code === 'unrecognized_keys') ?? inner[0];
  if (first === undefined) return issue;
  return deepest({ ...first, path: [...issue.path, ...first.path] });
}

function sentence(issue: Issue, whole: unknown): string {
  const place = keyPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const meant = nearest(key, keysAt(issue.path));
    const where = place === '' ? '' : ` in ${place}`;
    return `unknown key "${key}"${where}${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
  }
  const found = at(whole, issue.path);
  const subject = place === '' ? 'the whole' : place;
  if (found === undefined) return `${subject} is missing; it must be ${issue.message}`;
  return `${subject} must be ${issue.message}, not ${describe(found)}`;
}

/** `pairs[0].trash.remote` */
export function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  );
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const SECRET_KEY = /^(runtools_?)?(api_?key|access_?token|token|secret|password|key)$/i;
const WAY_OUT = 'put it into a file of mode 0600 and name that in "apiKeyFile", or set RUNTOOLS_API_KEY';

/** A key in the configuration would end up in backups, dot-file repositories and bug reports. */
function refuseSecrets(value: unknown, file: string, path: string): void {
  if (typeof value === 'string' && /^rt_(live|test)_/.test(value)) {
    throw fault(`${file} holds an API key itself, at ${path}; ${WAY_OUT}`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const place = path === '' ? key : `${path}.${key}`;
    if (typeof inner === 'string' && SECRET_KEY.test(key))
      throw fault(`${file} holds a secret itself, at ${place}; ${WAY_OUT}`);
    refuseSecrets(inner, file, place);
  }
}

function fault(message: string): RtsyncError {
  return new RtsyncError('config', message);
}
