/** Options that every command knows, before or after its name, and what commands get made from them. */
import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../config.ts';
import type { ExitCode } from '../lib/errors.ts';
import { createLog, LOG_LEVELS, type Log, type LogLevel } from '../lib/log.ts';
import { createOutput, type Io, type Output, wantsColor } from './output.ts';

export interface Globals {
  readonly config?: string;
  readonly stateDir?: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly logLevel?: LogLevel;
  readonly yes: boolean;
  readonly color: boolean;
}

/** What a command module works with. Everything is read when it is asked for, so that `--help` needs no configuration. */
export interface CliContext {
  readonly io: Io;
  globals(): Globals;
  output(): Output;
  /** Read once. Throws `config` or `pair-overlap`. */
  config(): Promise<LoadedConfig>;
  /** On stderr, at the level of option or configuration. */
  log(): Promise<Log>;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** How the process ends when the command returns; 0 unless said. */
  exitWith(code: ExitCode): void;
}

export function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'configuration file')
    .option('--state-dir <dir>', 'where rtsync keeps what it knows')
    .option('--json', 'print results as JSON', false)
    .option('--dry-run', 'show what would be done, change nothing', false)
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS))
    .option('--yes', 'answer questions with yes (never approves what is held)', false)
    .option('--no-color', 'no colours');
}

export interface ContextOptions {
  readonly program: Command;
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly exitWith: (code: ExitCode) => void;
}

export function createContext({ program, io, signal, exitWith }: ContextOptions): CliContext {
  let loaded: Promise<LoadedConfig> | undefined;
  const globals = () => program.opts<Globals>();

  function config(): Promise<LoadedConfig> {
    const { config: file, stateDir, logLevel } = globals();
    loaded ??= loadConfig({ file, stateDir, logLevel, env: io.env, cwd: io.cwd });
    return loaded;
  }

  return {
    io,
    globals,
    output: () => createOutput(io, globals()),
    config,
    async log() {
      const level = globals().logLevel ?? (await config()).config.logLevel;
      const pretty = io.stderr.isTTY === true;
      const color = globals().color && wantsColor(io);
      return createLog({ level, pretty, color, write: (text) => io.stderr.write(text) });
    },
    signal,
    exitWith,
  };
}
