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

interface Layer {
  readonly dir: DirPath;
  readonly origin: string;
  readonly text: string;
  readonly matcher: Ignore;
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
  return { dir, origin, text, matcher: ignore({ ignorecase: caseInsensitive }).add(text) };
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
  for (const { dir, matcher, origin } of layers) {
    const relative = dir === '' ? path : path.slice(dir.length + 1);
    const answer = matcher.test(inReIncluded(matcher, relative) + (folder ? '/' : ''));
    if (answer.ignored) return { pattern: answer.rule?.pattern ?? '', origin };
    if (answer.unignored) return undefined;
  }
  return undefined;
}

/**
 * The matcher counts what lies in an ignored folder as ignored. We only ever get there when a deeper layer re-included
 * that folder, so the folder's own names are hidden from the matcher, and the entry is judged by itself.
 */
function inReIncluded(matcher: Ignore, relative: string): string {
  const slash = relative.lastIndexOf('/');
  if (slash < 0 || !matcher.test(`${relative.slice(0, slash)}/`).ignored) return relative;
  return relative.slice(0, slash).replace(/[^/]+/g, '\u0001') + relative.slice(slash);
}
