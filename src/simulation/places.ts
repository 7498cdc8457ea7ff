/** Both sides as people see them. */
import type { SimDisk } from './disk.ts';
import type { Place } from './people.ts';
import type { SimServer } from './server.ts';

/** A machine's folder, seen by another program on it. */
export function diskPlace(disk: SimDisk): Place {
  const { person } = disk;
  return {
    list: () => person.list().map(({ path, kind }) => ({ path, kind: kind === 'symlink' ? 'other' : kind })),
    read: (path) => person.read(path),
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

/** The workspace, seen by somebody else who uses it. Two steps of a rename over a taken name are one for who looks. */
export function agentPlace({ agent }: SimServer): Place {
  return {
    list: () => agent.list(),
    read: (path) => agent.read(path),
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
