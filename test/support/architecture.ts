/** The rules of the rooms, and what breaks them. Sources come in as data, so that the rules can be tested themselves. */
import path from 'node:path';
import { blank, functionSpans, importsOf, type SourceFile } from './sources.ts';

/** Which rooms a room may know besides itself. `remote` is its public part: the interface and the traits. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lib: [],
  config: ['core', 'lib'],
  local: ['core', 'lib'],
  state: ['core', 'lib'],
  pace: ['core', 'lib'],
  remote: ['core', 'lib'],
  engine: ['local', 'state', 'pace', 'remote', 'core', 'lib'],
  control: ['engine', 'core', 'lib'],
  serve: ['lib'],
  app: ['config', 'engine', 'control', 'local', 'state', 'pace', 'remote', 'remote internals', 'core', 'lib'],
  simulation: [
    'app',
    'config',
    'engine',
    'local',
    'state',
    'pace',
    'remote',
    'remote internals',
    'core',
    'lib',
  ],
  cli: ['app', 'simulation', 'config', 'engine', 'control', 'remote', 'serve', 'core', 'lib'],
};

const PUBLIC_REMOTE = ['remote/remote.ts', 'remote/traits.ts'];

/** Where a package may be imported: files or folders. Others are free outside of core. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  chokidar: ['local/watch.ts'],
  'better-sqlite3': ['state/'],
  undici: ['remote/'],
  'p-queue': ['pace/'],
  fastify: ['serve/', 'control/'],
  '@fastify/multipart': ['serve/', 'control/'],
  pino: ['lib/log.ts'],
  'pino-pretty': ['lib/log.ts'],
  commander: ['cli/'],
  ignore: ['core/ignore.ts'],
};

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 60;

/** Every breach as one line `file: what`. */
export function breaches(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    [...importFaults(file), ...sizeFaults(file), ...wordFaults(file)].map(
      (fault) => `${file.path}: ${fault}`,
    ),
  );
}

function importFaults(file: SourceFile): readonly string[] {
  return importsOf(file.text).flatMap((specifier) => {
    if (specifier.startsWith('.')) return roomFault(file.path, specifier);
    if (roomOf(file.path) === 'core' && !(specifier === 'ignore' && file.path === 'core/ignore.ts')) {
      return [`core imports ${specifier}`];
    }
    const name = packageOf(specifier);
    const homes = PACKAGE_HOMES[name];
    const atHome =
      homes === undefined ||
      homes.some((home) => file.path === home || (home.endsWith('/') && file.path.startsWith(home)));
    return atHome ? [] : [`${name} belongs into ${homes.join(' or ')}`];
  });
}

function roomFault(from: string, specifier: string): readonly string[] {
  const target = path.posix.join(path.posix.dirname(from), specifier);
  const [here, there] = [roomOf(from), roomOf(target)];
  if (target.startsWith('..')) return [`imports ${specifier} from outside of src`];
  if (here === there) return [];
  const known = MAY_KNOW[here];
  if (known === undefined) return [`"${here}" is no room that the table knows`];
  const wanted = there === 'remote' && !PUBLIC_REMOTE.includes(target) ? 'remote internals' : there;
  return known.includes(wanted) ? [] : [`${here} must not know ${target}`];
}

function sizeFaults({ text }: SourceFile): readonly string[] {
  const lines = text.trimEnd().split('\n').length;
  const tooLong = functionSpans(text).filter((span) => span.lines > MAX_FUNCTION_LINES);
  return [
    ...(lines > MAX_FILE_LINES ? [`${lines} lines, at most ${MAX_FILE_LINES}`] : []),
    ...tooLong.map(
      (span) => `the function at line ${span.line} has ${span.lines} lines, at most ${MAX_FUNCTION_LINES}`,
    ),
  ];
}

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/(?:[:<,|&]|\bas|\bextends)\s*any\b(?!\s*[:(])/, 'any'],
  [/^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/m, 'enum'],
  [/^\s*export\s+default\b/m, 'default export'],
  [/^\s*(?:export\s+)?(?:declare\s+)?namespace\s+\w/m, 'namespace'],
];

function wordFaults({ path: file, text }: SourceFile): readonly string[] {
  const code = blank(text);
  const faults = WORDS.filter(([pattern]) => pattern.test(code)).map(([, name]) => name);
  if (/\b(TODO|FIXME|XXX)\b/.test(text)) faults.push('a note of unfinished work');
  if (/(^|\/)index\.ts$/.test(file) || isBarrel(code)) faults.push('barrel');
  return faults;
}

/** Nothing but what other files export. */
function isBarrel(code: string): boolean {
  const statements = code
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return (
    statements.length > 0 &&
    statements.every((one) => /^export\s+(type\s+)?(\*|\{[^}]*\})(\s+as\s+\w+)?\s+from$/.test(one))
  );
}

function roomOf(file: string): string {
  const [first = ''] = file.split('/');
  return first.replace(/\.ts$/, '');
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
