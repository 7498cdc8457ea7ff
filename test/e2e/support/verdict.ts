/** Whether everything is as it must be once all is in sync: what is lost, left over, made up or without a trash entry. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { differencesOf, filesIn, type Inspector } from './inspect.ts';
import { composed, type Ledger, type Place, short, type Touch, type Version } from './ledger.ts';

export interface Places {
  /** Folder of each place, the workspace's on the server's disk. */
  readonly roots: Readonly<Record<Place, string>>;
  readonly ledger: Ledger;
  readonly inspector: Inspector;
}

export type Kind =
  | 'unequal'
  | 'lost'
  | 'torn'
  | 'not in the trash'
  | 'left over'
  | 'made-up name'
  | 'conflict without cause'
  | 'never ends'
  | 'bad exit';

export interface Violation {
  readonly kind: Kind;
  readonly text: string;
  readonly path: string;
  readonly digest: string | undefined;
  /** Of a lost content: whether it is in a trash. */
  readonly kept?: boolean;
  /** Of a conflict copy: when it was made, epoch milliseconds, to a second. */
  readonly at?: number;
}

export interface Judge {
  /** Call only when both machines said that all is in sync. */
  judge(): readonly Violation[];
  /** Contents that nobody wrote, at any time. */
  torn(): readonly Violation[];
  /** How the three places differ now; something while they change. */
  unequal(): readonly string[];
  readonly conflicts: number;
}

const MARK = / \(conflict (\d{4}-\d\d-\d\d) (\d\d)\.(\d\d)\.(\d\d) [^()]*\)(?: \d+)?/;
const PLACES: readonly Place[] = ['A', 'B', 'W'];
/** What rtsync's own folder in a workspace may hold at rest. An empty staging folder is no loss. */
const STAYS: readonly string[] = ['trash', 'pairs', 'staging'];

export function createJudge({ roots, ledger, inspector }: Places): Judge {
  let live = new Set<string>();
  const copies = new Set<string>();

  /** A conflict copy that is new since the last judgement, and no older one that people moved or edited. */
  const judgeCopy = (path: string, digest: string): Violation | undefined => {
    if (copies.has(basename(path))) return undefined;
    copies.add(basename(path));
    const original = join(dirname(path), basename(path).replace(MARK, ''));
    const touches = ledger.touches(original, ledger.versions.get(digest)?.lineage);
    const writers = [...touches].filter(
      ([, hows]) => hows.has('write') || hows.has('arrive') || hows.has('folder'),
    ).length;
    if (writers >= 2) return undefined;
    const text = `${JSON.stringify(path)} holds ${short(digest)}; touched by ${inWords(touches)}`;
    return { kind: 'conflict without cause', text, path: original, digest, at: dateIn(basename(path)) };
  };

  const judgeNames = (tree: ReadonlyMap<string, string>): Violation[] =>
    [...tree].flatMap(([path, digest]): Violation[] => {
      const name = basename(path);
      const fault = (kind: Kind, text: string): Violation => ({
        kind,
        text,
        path,
        digest: digest || undefined,
      });
      const copy = MARK.test(name) && !path.endsWith('/') ? judgeCopy(path, digest) : undefined;
      if (copy !== undefined) return [copy];
      if (ledger.names.has(composed(name.replace(MARK, '')))) return [];
      return [fault('made-up name', `nobody made the name ${JSON.stringify(path)}`)];
    });

  const judgeTrash = (now: ReadonlySet<string>): Violation[] => {
    const trashes = PLACES.map(
      (place) => [place, inspector.digests(join(roots[place], '.rtsync', 'trash'))] as const,
    );
    return [...live]
      .filter((digest) => !now.has(digest))
      .flatMap((digest) =>
        trashes
          .filter(([place, trash]) => !trash.has(digest) && !ledger.gaveUpAt(place, digest))
          .map(([place]): Violation => {
            const path = ledger.versions.get(digest)?.path ?? '';
            const text = `${short(digest)} of ${JSON.stringify(path)} went from ${place} by no person's hand and is in no trash there`;
            return { kind: 'not in the trash', text, path, digest };
          }),
      );
  };

  const tornIn = (place: Place): Violation[] =>
    [...inspector.tree(roots[place])]
      .filter(
        ([path, digest]) => digest !== '' && !ledger.versions.has(digest) && !path.endsWith('.tmp-save'),
      )
      .map(([path, digest]) => ({
        kind: 'torn',
        text: `${JSON.stringify(path)} in ${place} holds what nobody wrote (${short(digest)})`,
        path,
        digest,
      }));

  return {
    judge() {
      const trees = new Map(PLACES.map((place) => [place, inspector.tree(roots[place])]));
      const tree = (place: Place): ReadonlyMap<string, string> => trees.get(place) ?? new Map();
      const unequal = (['B', 'W'] as const)
        .flatMap((place) => differencesOf(tree('A'), tree(place), ['A', place]))
        .map(
          (text): Violation => ({
            kind: 'unequal',
            text,
            path: text.replace(/: .*$/, ''),
            digest: undefined,
          }),
        );
      const now = new Set([...tree('A').values()].filter((digest) => tree('B').size > 0 && digest !== ''));
      const everywhere = (digest: string): boolean =>
        PLACES.every((place) => [...tree(place).values()].includes(digest));
      const lost = ledger.expected().filter(({ digest }) => !everywhere(digest));
      for (const { digest } of lost) ledger.forget(digest);
      const found = [
        ...unequal,
        ...lost.map((version) => lostVersion(version, roots, inspector)),
        ...PLACES.flatMap(tornIn),
        ...judgeTrash(now),
        ...judgeNames(tree('A')),
        ...leftovers(roots),
      ];
      live = now;
      ledger.inSync();
      return found;
    },
    torn: () => PLACES.flatMap(tornIn),
    unequal() {
      try {
        const here = inspector.tree(roots.A);
        return (['B', 'W'] as const).flatMap((place) =>
          differencesOf(here, inspector.tree(roots[place]), ['A', place]),
        );
      } catch {
        return ['something moved while it was compared'];
      }
    },
    get conflicts() {
      return copies.size;
    },
  };
}

function lostVersion({ digest, path, by }: Version, roots: Places['roots'], inspector: Inspector): Violation {
  const kept = PLACES.filter((place) =>
    inspector.digests(join(roots[place], '.rtsync', 'trash')).has(digest),
  );
  const live = PLACES.filter((place) => [...inspector.tree(roots[place]).values()].includes(digest));
  const where = `live in ${live.join(', ') || 'no place'}, in the trash of ${kept.join(', ') || 'no place'}`;
  const text = `${short(digest)}, written by ${by} to ${JSON.stringify(path)} and given up by nobody: ${where}`;
  return { kind: 'lost', text, path, digest, kept: kept.length > 0 };
}

/** Copies are named by this machine's clock. */
function dateIn(path: string): number {
  const [, day, hour, minute, second] = MARK.exec(path) ?? [];
  return Date.parse(`${day}T${hour}:${minute}:${second}`);
}

function leftovers(roots: Places['roots']): Violation[] {
  const left = (text: string): Violation => ({ kind: 'left over', text, path: '', digest: undefined });
  const own = join(roots.W, '.rtsync');
  const other = existsSync(own) ? readdirSync(own).filter((name) => !STAYS.includes(name)) : [];
  return [
    ...(['A', 'B'] as const).flatMap((place) =>
      filesIn(join(roots[place], '.rtsync', 'tmp')).map((path) => left(`.rtsync/tmp/${path} in ${place}`)),
    ),
    ...filesIn(join(own, 'staging')).map((path) => left(`/.rtsync/staging/${path} in the workspace`)),
    ...other.map((name) => left(`/.rtsync/${name} in the workspace`)),
  ];
}

function inWords(touches: ReadonlyMap<Place, ReadonlySet<Touch>>): string {
  const parts = [...touches].map(([place, hows]) => `${place} (${[...hows].join(', ')})`);
  return parts.join(' and ') || 'nobody since the last sync';
}
