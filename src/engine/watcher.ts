/** The local watcher as the service uses it: hints from the watch, and a timer for what cannot be watched. */
import type { LocalDir } from '../core/path.ts';
import { watchFolder } from '../local/watch.ts';
import type { Pair } from './pair.ts';
import type { LocalWatcher } from './watch.ts';

/** Folders beyond the system's watch limit are scanned this often. */
const DEGRADED_SCAN_MS = 5_000;

/** Watches the pair's folder; folders that cannot be watched are scanned by timer, and said. */
export async function watchFiles(
  pair: Pair,
  hint: (dirs: readonly LocalDir[] | 'all') => void,
): Promise<LocalWatcher> {
  const stop = new AbortController();
  let scanning = false;
  const scanByTimer = async (): Promise<void> => {
    if (scanning) return;
    scanning = true;
    while (!stop.signal.aborted) {
      await pair.clock.sleep(DEGRADED_SCAN_MS, stop.signal).catch(() => undefined);
      const dirs = watch.degraded();
      if (!stop.signal.aborted && dirs.length > 0) hint(dirs);
    }
  };
  const watch = watchFolder({
    root: pair.local.root,
    onHint: hint,
    onDegraded: (dirs, why) => {
      const many =
        dirs.length === 1
          ? '1 folder cannot be watched and is'
          : `${dirs.length} folders cannot be watched and are`;
      const message = `${many} scanned every ${DEGRADED_SCAN_MS / 1000} s instead: ${why}`;
      pair.observer.on({ kind: 'notice', level: 'warn', message });
      void scanByTimer();
    },
  });
  return {
    follow: (memory) => watch.follow(memory.local),
    close: async () => {
      stop.abort();
      await watch.close();
    },
  };
}
