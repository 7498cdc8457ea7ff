/** Keeps what a gate must remember over a restart in a small file. Losing it costs at most one 429. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { parseSavedPace, type SavedPace } from './queue.ts';

export interface PaceFile {
  read(): Promise<SavedPace | undefined>;
  /** In the background; the newest wins. */
  write(pace: SavedPace): void;
  flush(pace: SavedPace): Promise<void>;
}

export function paceFile(file: string): PaceFile {
  let turn: Promise<void> = Promise.resolve();
  const save = async (pace: SavedPace): Promise<void> => {
    const temporary = `${file}.${process.pid}`;
    await writeFile(temporary, JSON.stringify(pace), { mode: 0o600 });
    await rename(temporary, file);
  };
  const queue = (pace: SavedPace): Promise<void> => {
    turn = turn.then(() => save(pace)).catch(() => undefined);
    return turn;
  };
  return {
    read: async () => parseSavedPace(await readFile(file, 'utf8').catch(() => undefined)),
    write: (pace) => void queue(pace),
    flush: queue,
  };
}
