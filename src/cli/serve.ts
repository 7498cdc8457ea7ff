/** `rtsync serve`: the RunTools-compatible server over a folder, with the switches of its behaviour. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { RtsyncError } from '../lib/errors.ts';
import { nearest } from '../lib/nearest.ts';
import type { Behaviour } from '../serve/behaviour.ts';
import { FAULT_KINDS, type FaultRates } from '../serve/faults.ts';
import type { RequestEntry } from '../serve/log.ts';
import type { KeyOption, RateLimit, ServeOptions, WorkspaceOption } from '../serve/options.ts';
import { BEHAVIOUR_CHOICES } from './behaviour.ts';
import type { CliContext } from './globals.ts';

interface Options {
  readonly host: string;
  readonly port: number;
  readonly keys?: string;
  readonly open?: true;
  readonly limit?: RateLimit;
  readonly quota?: number;
  readonly uploadLimit?: number;
  readonly workspace: readonly WorkspaceOption[];
  readonly behaviour: Partial<Behaviour>;
  readonly fault: FaultRates;
  readonly faultSeed?: number;
}

export function registerServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .description('run a RunTools-compatible server over a folder; each subfolder is a workspace')
    .argument('[data-folder]', 'folder of the workspaces', 'rtsync-data')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <number>', 'port to listen at, 0 for any free one', port, 4711)
    .option(
      '--keys <file>',
      'file of mode 0600 with one key a line, each with its scopes after it if not all',
    )
    .option('--open', 'ask for no key')
    .option('--limit <tier or number>', 'requests a minute and key: free, pro, team or a number', rateLimit)
    .option('--quota <size>', 'room of all workspaces together, such as 10GB', size)
    .option('--upload-limit <size>', 'largest upload, such as 100MB', size)
    .option(
      '--workspace <slug=folder>',
      'serve an existing folder as a workspace (may be repeated)',
      addWorkspace,
      [],
    )
    .option(
      '--behaviour <switch=value>',
      'how open points of the protocol are answered, such as takenName=rename (may be repeated)',
      addBehaviour,
      {},
    )
    .option(
      '--fault <kind=percent>',
      'trouble by chance, such as drop=5 (may be repeated); kinds are below',
      addFault,
      {},
    )
    .option('--fault-seed <number>', 'the same number plays the same faults (default: 1)', faultSeed)
    .addHelpText('after', FAULT_HELP)
    .action((folder: string, options: Options) =>
      serve(path.resolve(context.io.cwd, folder), options, context),
    );
}

async function serve(data: string, options: Options, context: CliContext): Promise<void> {
  if (options.open === undefined && options.keys === undefined) {
    throw new RtsyncError('usage', 'serve needs --keys FILE, or --open to let everybody in');
  }
  if (options.faultSeed !== undefined && Object.keys(options.fault).length === 0) {
    throw new RtsyncError('usage', '--fault-seed needs a --fault KIND=PERCENT to play');
  }
  const { cwd } = context.io;
  const keys = options.keys === undefined ? [] : await readKeys(path.resolve(cwd, options.keys));
  const workspaces = options.workspace.map((one) => ({
    ...one,
    folder: path.resolve(cwd, one.folder ?? ''),
  }));
  const serveOptions: ServeOptions = {
    data,
    workspaces,
    host: options.host,
    port: options.port,
    open: options.open ?? false,
    keys,
    rateLimit: options.limit,
    quotaBytes: options.quota,
    uploadLimitBytes: options.uploadLimit,
    behaviour: options.behaviour,
    faults: { seed: options.faultSeed, ...options.fault },
    onRequest: await requestLog(context),
  };
  // Loaded here, so that no other command pays for a web framework.
  const { startServer } = await import('../serve/server.ts');
  const server = await startServer(serveOptions);
  const { origin } = server;
  context.output().result([`serving ${data} at ${origin}`, ...hints(origin)], {
    version: 1,
    origin,
    port: server.port,
    data,
  });
  await aborted(context.signal);
  await server.close();
}

/** Each request as a line of the log, when a person asks for the log. */
async function requestLog(context: CliContext): Promise<((entry: RequestEntry) => void) | undefined> {
  if (context.globals().logLevel === undefined) return undefined;
  const log = await context.log();
  return (entry) => log.debug(entry, `${entry.label} ${entry.path}`);
}

function hints(origin: string): readonly string[] {
  return [`  RUNTOOLS_API_URL=${origin} RUNTOOLS_STORAGE_URL=${origin} rtsync …`];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const SCOPES = ['files:read', 'files:write', 'files:*', '*'] as const;

/** Lines `KEY [SCOPE,…]`; empty ones and those that begin with # are left out. */
async function readKeys(file: string): Promise<readonly KeyOption[]> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0)
      throw new RtsyncError('config', `the keys in ${file} can be read by others: chmod 600 ${file}`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof RtsyncError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new RtsyncError('config', { message: `cannot read the keys file ${file}: ${code}`, cause: error });
  }
  const lines = text.split('\n').map((line, i) => ({ line: line.trim(), number: i + 1 }));
  const keys = lines
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => readKey(line, `${file}, line ${number}`));
  if (keys.length === 0) throw new RtsyncError('config', `the keys file ${file} holds no key`);
  return keys;
}

function readKey(line: string, place: string): KeyOption {
  const [key = '', ...rest] = line.split(/\s+/);
  const words = rest
    .join(',')
    .split(',')
    .filter((word) => word !== '');
  const scopes = words.map((word) => {
    const scope = SCOPES.find((one) => one === word);
    if (scope === undefined)
      throw new RtsyncError('config', `${place}: a scope is one of ${SCOPES.join(', ')}`);
    return scope;
  });
  return scopes.length === 0 ? { key } : { key, scopes };
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

function rateLimit(text: string): RateLimit {
  if (text === 'free' || text === 'pro' || text === 'team') return text;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is free, pro, team or a number of requests a minute.');
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** `100MB`, `1.5GiB`, `2048`. */
export function size(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?$/i.exec(text);
  const unit = UNITS[(found?.[2] ?? '').toLowerCase()];
  if (found === null || unit === undefined)
    throw new InvalidArgumentError('A size is a number of bytes, such as 100MB or 1.5GiB.');
  return Math.floor(Number(found[1]) * unit);
}

function addWorkspace(text: string, before: readonly WorkspaceOption[]): readonly WorkspaceOption[] {
  const [, slug, folder] = /^([^=/\s]+)=(.+)$/.exec(text) ?? [];
  if (slug === undefined || folder === undefined)
    throw new InvalidArgumentError('It is written SLUG=FOLDER.');
  return [...before, { slug, folder }];
}

export function addBehaviour(text: string, before: Partial<Behaviour>): Partial<Behaviour> {
  const [, name, word] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || word === undefined) throw new InvalidArgumentError('It is written SWITCH=VALUE.');
  const choices = BEHAVIOUR_CHOICES[name];
  if (choices === undefined) {
    const names = Object.keys(BEHAVIOUR_CHOICES);
    const meant = nearest(name, names);
    throw new InvalidArgumentError(
      meant === undefined ? `The switches are ${names.join(', ')}.` : `Did you mean ${meant}?`,
    );
  }
  const value = choices === 'number' ? numberOf(word) : choices.find((one) => String(one) === word);
  if (value === undefined) {
    throw new InvalidArgumentError(
      `${name} is ${choices === 'number' ? 'a whole number' : `one of ${choices.join(', ')}`}.`,
    );
  }
  return { ...before, [name]: value };
}

const FAULT_HELP = `
Faults:
${Object.entries(FAULT_KINDS)
  .map(([kind, { words }]) => `  ${kind.padEnd(12)} ${words}`)
  .join('\n')}
`;

export function addFault(text: string, before: FaultRates): FaultRates {
  const [, kind = '', percent = ''] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (kind === '') throw new InvalidArgumentError('It is written KIND=PERCENT.');
  const known = Object.hasOwn(FAULT_KINDS, kind) ? FAULT_KINDS[kind] : undefined;
  if (known === undefined) {
    const kinds = Object.keys(FAULT_KINDS);
    const meant = nearest(kind, kinds);
    throw new InvalidArgumentError(
      meant === undefined ? `The kinds are ${kinds.join(', ')}.` : `Did you mean ${meant}?`,
    );
  }
  if (!/^\d+(?:\.\d+)?$/.test(percent) || Number(percent) > 100)
    throw new InvalidArgumentError(`The percentage of ${kind} is a number from 0 to 100.`);
  return { ...before, [known.rate]: Number(percent) / 100 };
}

function faultSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A seed is a whole number from 0 to 999999999.');
}

function numberOf(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}
