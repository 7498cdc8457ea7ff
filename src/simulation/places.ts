/** Both sides as people see them. */
import type { SimDisk } from './disk.ts';
import type { Place } from './people.ts';
import type { SimEntry } from './server/agent.ts';
import type { SimServer } from './server.ts';

/** A machine's folder, seen by another program on it. */
export function diskPlace(disk: SimDisk): Place {
  const { person } = disk;
  return {
    list: () => person.list().map(({ path, kind }) => ({ path, kind: kind === 'symlink' ? 'other' : kind })),
    read: (path) => person.read(path),
    holds: () => disk.holds(),
    write: (path, bytes) => person.write(path, bytes),
    replace: (path, bytes) => person.replace(path, bytes),
    startWrite: (path, first) => {
      const open = person.startWrite(path, first);
      return (whole) => {
        open.finish(whole.subarray(first.length));
        const there = person.read(path);
        return there !== undefined && Buffer.compare(there, whole) === 0;
      };
    },
    remove: (path) => person.remove(path),
    removeTree: (path) => person.removeTree(path),
    rename: (from, to) => person.rename(from, to),
    mkdir: (path) => person.mkdir(path),
  };
}

/** A path of the pair as the workspace has it; `base` is the pair's folder, '' for all of the workspace. */
export function inWorkspace(base: string, path: string): string {
  return base === '' ? path : `${base}/${path}`;
}

/** The other way round; undefined for what lies outside of the pair. */
export function inPair(base: string, path: string): string | undefined {
  if (base === '') return path;
  return path.startsWith(`${base}/`) ? path.slice(base.length + 1) : undefined;
}

/** The pair's entries of the workspace, by their paths in the pair. */
export function listOfPair({ agent }: SimServer, base: string): readonly SimEntry[] {
  return agent.list().flatMap((entry) => {
    const path = inPair(base, entry.path);
    return path === undefined ? [] : [{ ...entry, path }];
  });
}

/** The workspace, seen by somebody else who uses it. `moved` is told of renames, by the paths of the workspace. */
export function agentPlace(
  server: SimServer,
  base: string,
  moved: (from: string, to: string) => void = () => undefined,
): Place {
  const whole = workspacePlace(server);
  const at = (path: string): string => inWorkspace(base, path);
  return {
    list: () => listOfPair(server, base),
    read: (path) => whole.read(at(path)),
    holds: () => whole.holds(),
    write: (path, bytes) => whole.write(at(path), bytes),
    replace: (path, bytes) => whole.replace(at(path), bytes),
    startWrite: (path, first) => whole.startWrite(at(path), first),
    remove: (path) => whole.remove(at(path)),
    removeTree: (path) => whole.removeTree(at(path)),
    rename: (from, to) => {
      whole.rename(at(from), at(to));
      moved(at(from), at(to));
    },
    mkdir: (path) => whole.mkdir(at(path)),
  };
}

/** Two steps of a rename over a taken name are one for who looks. */
function workspacePlace({ agent, holds }: SimServer): Place {
  return {
    list: () => agent.list(),
    read: (path) => agent.read(path),
    holds,
    write: (path, bytes) => {
      agent.write(path, bytes);
    },
    replace: (path, bytes) => {
      agent.write(path, bytes);
    },
    startWrite: (path, first) => {
      const open = agent.startWrite(path, first);
      return (whole) => {
        open?.finish(whole.subarray(first.length));
        const there = agent.read(path);
        return there !== undefined && Buffer.compare(there, whole) === 0;
      };
    },
    remove: (path) => {
      agent.remove(path);
    },
    removeTree: (path) => {
      agent.removeTree(path);
    },
    rename: (from, to) => {
      if (agent.read(to) !== undefined) agent.remove(to);
      agent.move(from, to);
    },
    mkdir: (path) => {
      agent.mkdir(path);
    },
  };
}
