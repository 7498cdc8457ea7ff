/**
 * Which entries are left out, in gitignore syntax. The rules come in layers: the given patterns, then one layer for each
 * ignore file that was found, evaluated relative to its folder. The deepest layer that says anything decides, so that a
 * negation in a folder re-includes what a rule further up left out. Knows names only, no disk and no server.
 */
import ignore, { type Ignore } from 'ignore';
import { type DirPath, isWithin, nameOf, parentOf, type RelPath, ROOT } from './path.ts';

/** Immutable. */
export interface IgnoreRules {
  /** `folder` tells patterns that end in a slash. Parents are not looked at: a walker never enters an ignored folder. */
  ignores(path: RelPath, folder: boolean): boolean;
  /** The pattern that leaves this entry out and where it stands; undefined for an entry that is synced. */
  explain(path: RelPath, folder: boolean): IgnoreReason | undefined;
  /** The same rules with those of an ignore file that lies in `dir` (in place of an earlier one of that folder). */
  withFile(dir: DirPath, text: string): IgnoreRules;
  /** Equal for equal rules. */
  readonly fingerprint: string;
}

export interface IgnoreReason {
  readonly pattern: string;
  /** `defaults`, `config`, `own`, or the folder of the ignore file with a slash behind it (`/` for the root). */
  readonly origin: string;
}

export interface IgnoreOptions {
  /** Leave `DEFAULT_IGNORES` out when false. */
  readonly defaults?: boolean;
  readonly caseInsensitive?: boolean;
}

/** rtsync's own folder (state of a root, trash): left out at any depth, and nothing re-includes it. */
const OWN = '.rtsync';

/** Litter of editors, systems and version control that nobody wants on the other side. */
export const DEFAULT_IGNORES: readonly string[] = [
  '.git/',
  '.hg/',
  '.svn/',
  '.DS_Store',
  'Thumbs.db',
  'desktop.ini',
  '*~',
  '*.swp',
  '.*.sw?',
  '4913',
  '.#*',
];

type Matcher = Pick<Ignore, 'test'>;

/** Answers that a matcher may remember: those of the folders on the way are asked for again and again. */
const MOST_REMEMBERED = 2_000;

interface Layer {
  readonly dir: DirPath;
  readonly origin: string;
  readonly text: string;
  readonly matcher: Matcher;
  /** Whether its patterns speak of names alone, wherever they stand: then no path has to be looked through. */
  readonly byName: boolean;
}

export function createIgnoreRules(patterns: readonly string[], options: IgnoreOptions = {}): IgnoreRules {
  const caseInsensitive = options.caseInsensitive ?? false;
  const layers: Layer[] = [];
  if (options.defaults !== false) {
    layers.push(layer(ROOT, 'defaults', DEFAULT_IGNORES.join('\n'), caseInsensitive));
  }
  if (patterns.length > 0) layers.push(layer(ROOT, 'config', patterns.join('\n'), caseInsensitive));
  return rulesOf(layers, caseInsensitive);
}

function rulesOf(layers: readonly Layer[], caseInsensitive: boolean): IgnoreRules {
  const layersOf = layerLookup(layers);
  const reason = (path: RelPath, folder: boolean): IgnoreReason | undefined => {
    if (nameOf(path) === OWN) return { pattern: `${OWN}/`, origin: 'own' };
    return decide(layersOf(parentOf(path)), path, folder);
  };
  return {
    ignores: (path, folder) => reason(path, folder) !== undefined,
    explain: reason,
    withFile(dir, text) {
      const origin = dir === '' ? '/' : `${dir}/`;
      const others = layers.filter((each) => each.origin !== origin);
      return rulesOf([...others, layer(dir, origin, text, caseInsensitive)], caseInsensitive);
    },
    fingerprint: JSON.stringify([
      caseInsensitive,
      layers
        .map((each) => [each.origin, each.text])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0)),
    ]),
  };
}

function layer(dir: DirPath, origin: string, text: string, caseInsensitive: boolean): Layer {
  const matcher = forgetful(() => ignore({ ignorecase: caseInsensitive }).add(text));
  const byName = text.split('\n').every((line) => !line.startsWith('!') && !/\/./.test(line));
  return { dir, origin, text, matcher, byName };
}

/**
 * The package remembers its answer for every path for good: of a large tree that takes more memory than the tree. So it
 * begins anew now and then.
 */
function forgetful(make: () => Ignore): Matcher {
  let matcher = make();
  let remembered = 0;
  return {
    test: (path) => {
      if (remembered === MOST_REMEMBERED) {
        matcher = make();
        remembered = 0;
      }
      remembered += 1;
      return matcher.test(path);
    },
  };
}

/** The layers that apply in a folder, deepest first, remembered per folder. */
function layerLookup(layers: readonly Layer[]): (dir: DirPath) => readonly Layer[] {
  const known = new Map<DirPath, readonly Layer[]>();
  // Deeper folders have longer paths among those that hold one and the same folder; equal folders keep "later wins".
  const ordered = layers
    .map((each, index) => ({ each, index }))
    .sort((a, b) => b.each.dir.length - a.each.dir.length || b.index - a.index)
    .map(({ each }) => each);
  return (dir) => {
    let found = known.get(dir);
    if (found === undefined) {
      found = ordered.filter((each) => isWithin(dir, each.dir));
      known.set(dir, found);
    }
    return found;
  };
}

function decide(layers: readonly Layer[], path: RelPath, folder: boolean): IgnoreReason | undefined {
  for (const { dir, matcher, byName, origin } of layers) {
    const relative = dir === '' ? path : path.slice(dir.length + 1);
    const asked = byName ? nameOf(path) : inReIncluded(matcher, relative);
    const answer = matcher.test(folder ? `${asked}/` : asked);
    if (answer.ignored) return { pattern: answer.rule?.pattern ?? '', origin };
    if (answer.unignored) return undefined;
  }
  return undefined;
}

/**
 * The matcher counts what lies in an ignored folder as ignored. We only ever get there when a deeper layer re-included
 * that folder, so the folder's own names are hidden from the matcher, and the entry is judged by itself.
 */
function inReIncluded(matcher: Matcher, relative: string): string {
  const slash = relative.lastIndexOf('/');
  if (slash < 0 || !matcher.test(`${relative.slice(0, slash)}/`).ignored) return relative;
  return relative.slice(0, slash).replace(/[^/]+/g, '\u0001') + relative.slice(slash);
}
