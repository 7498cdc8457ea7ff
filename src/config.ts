/**
 * The configuration: one file, the environment and the command line, decoded into a complete and checked value; whoever
 * gets a `Config` never asks where it came from. It knows no server and starts nothing; it reads the file, and the key
 * only when it is asked for (`config/secrets.ts`).
 */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type BandwidthConfig, completeBandwidth } from './config/bandwidth.ts';
import { decodeConfig } from './config/decode.ts';
import { completePair, expandHome, type PairConfig, refuseOverlaps } from './config/pairs.ts';
import { type ConfigFile, SERVER_DEFAULTS } from './config/schema.ts';
import { RtsyncError } from './lib/errors.ts';
import { LOG_LEVELS, type LogLevel } from './lib/log.ts';

export interface ServerConfig {
  /** Origin of the service: no path, no `/v1`. */
  readonly apiUrl: string;
  readonly storageUrl: string;
  readonly auth: 'auto' | 'x-api-key' | 'bearer';
  /** Undefined: what the server says. */
  readonly limitPerMinute: number | undefined;
  readonly concurrency: number;
}

export interface Config {
  readonly server: ServerConfig;
  readonly pairs: readonly PairConfig[];
  readonly bandwidth: BandwidthConfig;
  /** Absolute. */
  readonly stateDir: string;
  readonly logLevel: LogLevel;
  readonly apiKeyFile: string | undefined;
  readonly apiKeyCommand: readonly string[] | undefined;
}

export interface ConfigPlaces {
  /** `--config`. */
  readonly file?: string | undefined;
  /** `--state-dir`. */
  readonly stateDir?: string | undefined;
  /** `--log-level`. */
  readonly logLevel?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The user's home folder; the machine's own answer by default. */
  readonly home?: string;
}

/** One setting as it will be used, and where it came from; no secret among them. */
export interface Setting {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined when there is none. */
  readonly file: string | undefined;
  /** Where a file would be looked for. */
  readonly expectedFile: string;
  readonly settings: readonly Setting[];
}

/** Throws `config` or `pair-overlap`. A file that was named must exist; the usual one may be missing. */
export async function loadConfig(places: ConfigPlaces): Promise<LoadedConfig> {
  const home = places.home ?? places.env.HOME ?? os.homedir();
  const { file: expectedFile, named } = configFile(places, home);
  const text = await readIfThere(expectedFile, named);
  const content = text === undefined ? {} : decodeConfig(text, expectedFile);
  const file = text === undefined ? undefined : expectedFile;
  const base = path.dirname(expectedFile);
  const settings = collect({ places, content, file: file ?? '', home, base });
  const pairs = (content.pairs ?? []).map((pair, i) =>
    completePair(pair, { base, home, label: `${expectedFile}: pairs[${i}]` }),
  );
  await refuseOverlaps(pairs);
  const { server, stateDir, logLevel } = settings;
  const { apiKeyFile } = content;
  const config: Config = {
    server: {
      apiUrl: origin(server.apiUrl),
      storageUrl: origin(server.storageUrl),
      auth: server.auth.value,
      limitPerMinute: server.limitPerMinute.value,
      concurrency: server.concurrency.value,
    },
    pairs,
    bandwidth: completeBandwidth(content.bandwidth),
    stateDir: stateDir.value,
    logLevel: level(logLevel),
    apiKeyFile: apiKeyFile === undefined ? undefined : path.resolve(base, expandHome(apiKeyFile, home)),
    apiKeyCommand: content.apiKeyCommand,
  };
  return { config, file, expectedFile, settings: effectiveConfig(config, { ...settings, content }, file) };
}

interface From<T> {
  readonly value: T;
  readonly source: string;
}

interface Collected {
  readonly server: {
    readonly apiUrl: From<string>;
    readonly storageUrl: From<string>;
    readonly auth: From<ServerConfig['auth']>;
    readonly limitPerMinute: From<number | undefined>;
    readonly concurrency: From<number>;
  };
  readonly stateDir: From<string>;
  readonly logLevel: From<string>;
}

interface Inputs {
  readonly places: ConfigPlaces;
  readonly content: ConfigFile;
  readonly file: string;
  readonly home: string;
  readonly base: string;
}

/** Each setting from the first place that has it: option, environment, file, default. */
function collect({ places, content, file, home, base }: Inputs): Collected {
  const { env, cwd } = places;
  const server = content.server ?? {};
  const inFile = <T>(value: T | undefined, fallback: T): From<T> =>
    value === undefined ? { value: fallback, source: 'default' } : { value, source: file };
  const withEnv = (name: string, rest: From<string>): From<string> => {
    const value = env[name];
    return value === undefined || value === '' ? rest : { value, source: name };
  };
  const fileState = content.stateDir && path.resolve(base, expandHome(content.stateDir, home));
  const optionState = places.stateDir && path.resolve(cwd, expandHome(places.stateDir, home));
  return {
    server: {
      apiUrl: withEnv('RUNTOOLS_API_URL', inFile(server.apiUrl, SERVER_DEFAULTS.apiUrl)),
      storageUrl: withEnv('RUNTOOLS_STORAGE_URL', inFile(server.storageUrl, SERVER_DEFAULTS.storageUrl)),
      auth: inFile(server.auth, SERVER_DEFAULTS.auth),
      limitPerMinute: inFile(server.limitPerMinute, undefined),
      concurrency: inFile(server.concurrency, SERVER_DEFAULTS.concurrency),
    },
    stateDir: optionState
      ? { value: optionState, source: '--state-dir' }
      : inFile(
          fileState,
          path.join(xdg(env, 'XDG_STATE_HOME', path.join(home, '.local', 'state')), 'rtsync'),
        ),
    logLevel: places.logLevel
      ? { value: places.logLevel, source: '--log-level' }
      : inFile<string>(content.logLevel, 'info'),
  };
}

/** Every setting with its source, for people who wonder. */
function effectiveConfig(
  config: Config,
  from: Collected & Pick<Inputs, 'content'>,
  file: string | undefined,
): readonly Setting[] {
  const { server } = from;
  const fileOrDefault = (value: unknown) => (value === undefined || file === undefined ? 'default' : file);
  return [
    { key: 'server.apiUrl', value: config.server.apiUrl, source: server.apiUrl.source },
    { key: 'server.storageUrl', value: config.server.storageUrl, source: server.storageUrl.source },
    { key: 'server.auth', value: config.server.auth, source: server.auth.source },
    {
      key: 'server.limitPerMinute',
      value: config.server.limitPerMinute,
      source: server.limitPerMinute.source,
    },
    { key: 'server.concurrency', value: config.server.concurrency, source: server.concurrency.source },
    { key: 'stateDir', value: config.stateDir, source: from.stateDir.source },
    { key: 'logLevel', value: config.logLevel, source: from.logLevel.source },
    { key: 'apiKeyFile', value: config.apiKeyFile, source: fileOrDefault(config.apiKeyFile) },
    { key: 'bandwidth', value: config.bandwidth, source: fileOrDefault(from.content.bandwidth) },
    // Arguments of the command stay out: some people put secrets there.
    { key: 'apiKeyCommand', value: config.apiKeyCommand?.[0], source: fileOrDefault(config.apiKeyCommand) },
    ...config.pairs.map((pair, i) => ({ key: `pairs[${i}]`, value: pair, source: file ?? 'default' })),
  ];
}

function configFile(
  places: ConfigPlaces,
  home: string,
): { readonly file: string; readonly named: string | undefined } {
  const absolute = (text: string) => path.resolve(places.cwd, expandHome(text, home));
  if (places.file !== undefined) return { file: absolute(places.file), named: '--config' };
  const fromEnv = places.env.RTSYNC_CONFIG;
  if (fromEnv !== undefined && fromEnv !== '') return { file: absolute(fromEnv), named: 'RTSYNC_CONFIG' };
  const folder = xdg(places.env, 'XDG_CONFIG_HOME', path.join(home, '.config'));
  return { file: path.join(folder, 'rtsync', 'config.json'), named: undefined };
}

/** The XDG rules say that a relative path there counts as none. */
function xdg(env: ConfigPlaces['env'], name: string, fallback: string): string {
  const value = env[name];
  return value !== undefined && path.isAbsolute(value) ? value : fallback;
}

async function readIfThere(file: string, named: string | undefined): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT' && named === undefined) return undefined;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    const by = named === undefined ? '' : ` (from ${named})`;
    throw new RtsyncError('config', { message: `the configuration ${file}${by} ${why}`, cause: error });
  }
}

/** The origin of a service, however it was written. */
function origin({ value, source }: From<string>): string {
  const name = source === 'default' ? value : `"${value}" (from ${source})`;
  const url = URL.parse(value.includes('://') ? value : `https://${value}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RtsyncError('config', `${name} is no address of a server, such as https://storage.runtools.ai`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new RtsyncError(
      'config',
      `the address of a server from ${source} must have no user, password, query or fragment`,
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new RtsyncError(
      'config',
      `${name} would send the key and the files unencrypted: http:// is for this machine alone, use https://`,
    );
  }
  if (!/^\/*(v1\/*)?$/.test(url.pathname)) {
    throw new RtsyncError('config', `${name} must end after the host name, or with /v1`);
  }
  return url.origin;
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(host)
  );
}

function level({ value, source }: From<string>): LogLevel {
  const found = LOG_LEVELS.find((one) => one === value);
  if (found !== undefined) return found;
  throw new RtsyncError('usage', `${source} must be one of ${LOG_LEVELS.join(', ')}, not "${value}"`);
}
