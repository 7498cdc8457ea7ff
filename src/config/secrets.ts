/** Where the key comes from: environment, systemd credential, file or command. Never the command line or the config. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { RtsyncError } from '../lib/errors.ts';
import { hideSecret } from '../lib/log.ts';

export interface Credential {
  readonly key: string;
  /** Session tokens are always sent as Bearer. */
  readonly kind: 'api-key' | 'token';
  /** Where it was found, for `doctor`; no secret. */
  readonly source: string;
}

export interface SecretPlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly apiKeyFile?: string | undefined;
  readonly apiKeyCommand?: readonly string[] | undefined;
  /** 10,000. */
  readonly commandTimeoutMs?: number;
}

const CREDENTIAL = 'runtools-api-key';

/** The first key found. Throws `key-missing`, or `config` when a place is named but cannot be used. */
export async function findCredential(places: SecretPlaces): Promise<Credential> {
  const found = (await fromEnvironment(places.env)) ?? (await fromConfig(places));
  if (found === undefined) {
    throw new RtsyncError(
      'key-missing',
      'no API key: set RUNTOOLS_API_KEY, or name a file in "apiKeyFile" or a command in "apiKeyCommand" of the configuration',
    );
  }
  const key = checked(found.key, found.source);
  hideSecret(key);
  return { ...found, key };
}

async function fromEnvironment(env: SecretPlaces['env']): Promise<Credential | undefined> {
  const apiKey = env.RUNTOOLS_API_KEY;
  if (apiKey !== undefined && apiKey.trim() !== '')
    return { key: apiKey, kind: 'api-key', source: 'RUNTOOLS_API_KEY' };
  const token = env.RUNTOOLS_ACCESS_TOKEN;
  if (token !== undefined && token.trim() !== '')
    return { key: token, kind: 'token', source: 'RUNTOOLS_ACCESS_TOKEN' };
  const folder = env.CREDENTIALS_DIRECTORY;
  if (folder === undefined || folder === '') return undefined;
  const file = path.join(folder, CREDENTIAL);
  try {
    return { key: await readFile(file, 'utf8'), kind: 'api-key', source: `systemd credential ${CREDENTIAL}` };
  } catch (error) {
    if (reason(error) === 'ENOENT') return undefined;
    throw new RtsyncError('config', {
      message: `cannot read the systemd credential ${file}: ${reason(error)}`,
      cause: error,
    });
  }
}

async function fromConfig(places: SecretPlaces): Promise<Credential | undefined> {
  if (places.apiKeyFile !== undefined) {
    return {
      key: await fromFile(places.apiKeyFile),
      kind: 'api-key',
      source: `apiKeyFile ${places.apiKeyFile}`,
    };
  }
  if (places.apiKeyCommand === undefined) return undefined;
  const [program = '', ...args] = places.apiKeyCommand;
  const key = await fromCommand(program, args, places.commandTimeoutMs ?? 10_000);
  return { key, kind: 'api-key', source: `apiKeyCommand ${program}` };
}

async function fromFile(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    const permissions = mode & 0o777;
    if (process.platform !== 'win32' && permissions !== 0o600 && permissions !== 0o400) {
      const octal = permissions.toString(8).padStart(4, '0');
      throw new RtsyncError(
        'config',
        `apiKeyFile ${file} has mode ${octal}, but only its owner may read it: chmod 600 ${file}`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof RtsyncError) throw error;
    throw new RtsyncError('config', {
      message: `cannot read apiKeyFile ${file}: ${reason(error)}`,
      cause: error,
    });
  }
}

/** Runs without a shell. What the command printed stays out of every message: it may be the key. */
function fromCommand(program: string, args: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      { timeout, maxBuffer: 65_536, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        const why = error.killed === true ? `did not end within ${timeout} ms` : failure(error.code);
        reject(new RtsyncError('config', `apiKeyCommand (${program}) ${why}`));
      },
    );
    child.stdin?.end();
  });
}

function failure(code: string | number | null | undefined): string {
  if (code === 'ENOENT') return 'was not found';
  return typeof code === 'number' ? `ended with exit code ${code}` : `could not be run: ${code ?? 'killed'}`;
}

/** Keys go into a header: one line, no spaces, nothing that a header cannot hold. */
function checked(text: string, source: string): string {
  const key = text.trim();
  if (key === '') throw new RtsyncError('config', `the API key from ${source} is empty`);
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new RtsyncError(
      'config',
      `the API key from ${source} holds spaces, line breaks or characters that no key has`,
    );
  }
  return key;
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
