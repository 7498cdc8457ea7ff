/** Where the local folder put what it gave up, until the deed that gave it up is settled and says so in the journal. */
import type { LocalPath } from '../core/path.ts';

export interface TrashNotes {
  /** A version of `path` lies at `trash` (absolute) now. */
  note(path: LocalPath, trash: string): void;
  /** Where the last version given up at this path lies, or the folder of what was given up below it; asked once. */
  take(path: LocalPath): string | undefined;
}

export function createTrashNotes(): TrashNotes {
  const notes = new Map<LocalPath, string>();
  return {
    note: (path, trash) => void notes.set(path, trash),
    take: (path) => {
      const found = notes.get(path);
      if (found !== undefined) {
        notes.delete(path);
        return found;
      }
      let folder: string | undefined;
      for (const [below, trash] of notes) {
        if (!below.startsWith(`${path}/`)) continue;
        notes.delete(below);
        // A drawer holds paths as they were.
        const rest = below.slice(path.length);
        if (trash.endsWith(rest)) folder = trash.slice(0, -rest.length);
      }
      return folder;
    },
  };
}
