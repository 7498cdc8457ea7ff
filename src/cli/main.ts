/**
 * The command line: reads the arguments, finds the command, turns whatever happens into a sentence and an exit code.
 * Every command is a module of its own with one `register…`; what they do is done elsewhere.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { asRtsyncError, EXIT, type ExitCode, type RtsyncError } from '../lib/errors.ts';
import { registerApprove } from './approve.ts';
import { registerDemo } from './demo/demo.ts';
import { addGlobalOptions, type CliContext, createContext } from './globals.ts';
import { createOutput, type Io } from './output.ts';
import { registerProbe } from './probe.ts';
import { registerSelftest } from './selftest.ts';
import { registerServe } from './serve.ts';
import { registerSync } from './sync.ts';
import { registerWatch } from './watch.ts';

export type RegisterCommand = (program: Command, context: CliContext) => void;

/** In the order of `--help`. */
const COMMANDS: readonly RegisterCommand[] = [
  registerSync,
  registerWatch,
  registerApprove,
  registerProbe,
  registerServe,
  registerSelftest,
  registerDemo,
];

export interface RunOptions {
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly commands?: readonly RegisterCommand[];
}

/** Runs one command line (without node and script) and gives the exit code. Never throws. */
export async function run(args: readonly string[], options: RunOptions): Promise<ExitCode> {
  const { io, signal, commands = COMMANDS } = options;
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(io);
  const context = createContext({
    program,
    io,
    signal,
    exitWith: (code) => {
      exitCode = code;
    },
  });
  for (const register of commands) register(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, io, args);
  }
}

const EXAMPLES = `
Examples:
  rtsync sync ./docs docs-project:/docs            both ways, once
  rtsync watch ./docs docs-project:/docs           all the time
  rtsync push ./site website --dry-run             what would be sent
  rtsync demo                                      see it work, nothing to set up

The API key comes from RUNTOOLS_API_KEY, a file, a command or a systemd credential.
Exit codes: 0 in sync, 1 a bug, 2 usage, 3 a person must decide, 4 something remains,
75 try later, 77 key refused, 78 configuration.`;

function createProgram(io: Io): Command {
  const program = new Command('rtsync');
  program
    .description('Keeps a folder on this machine and a RunTools workspace the same.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Failures are told in one place, below.
      outputError: () => undefined,
    })
    .exitOverride();
  addGlobalOptions(program);
  program.addHelpText('after', EXAMPLES);
  return program;
}

function report(error: unknown, io: Io, args: readonly string[]): ExitCode {
  const output = createOutput(io, { json: false, color: false });
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Without any command commander shows the help, which says it all.
    if (error.code !== 'commander.help') output.failure(usageSentence(error, args));
    return EXIT.usage;
  }
  const known = asRtsyncError(error);
  if (known.code === 'bug') {
    output.failure(
      `this is a bug in rtsync: ${known.message} (please report it, with the output of --log-level debug)`,
    );
    if (wantsStack(args)) io.stderr.write(`${stackOf(known)}\n`);
    return EXIT.bug;
  }
  output.failure(known.message);
  return known.exitCode;
}

function usageSentence(error: CommanderError, args: readonly string[]): string {
  if (
    args.some((arg) => /^--?(api-?key|access-?token|token)\b/i.test(arg)) &&
    error.code === 'commander.unknownOption'
  ) {
    return 'keys are never taken from the command line, where other users can read them; set RUNTOOLS_API_KEY or use "apiKeyFile"';
  }
  const sentence = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return sentence.includes('Did you mean') ? sentence : `${sentence}; see rtsync --help`;
}

/** The arguments may be the very thing that broke, so they are looked at plainly. */
function wantsStack(args: readonly string[]): boolean {
  const at = args.indexOf('--log-level');
  const value =
    at >= 0 ? args[at + 1] : args.find((arg) => arg.startsWith('--log-level='))?.slice('--log-level='.length);
  return value === 'debug' || value === 'trace';
}

function stackOf(error: RtsyncError): string {
  return (error.cause instanceof Error ? error.cause.stack : error.stack) ?? error.message;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const found =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined;
  return String(found);
}

/** The whole process: signals, streams that close early, the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    // The second one means it: the default takes over.
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    controller.abort(new DOMException(`stopped by ${signal}`, 'AbortError'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // `rtsync … | head` closes the pipe: that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) process.exit(EXIT.done);
    });
  }
  const { stdout, stderr, env } = process;
  process.exitCode = await run(args, {
    io: { stdout, stderr, env, cwd: process.cwd() },
    signal: controller.signal,
  });
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
}
