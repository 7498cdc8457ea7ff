/** Everybody who takes part in the rounds on this machine; who cannot is said in a sentence. */
import type { Bench } from '../bench.ts';
import type { Contestant } from '../contestant.ts';
import { saidBy } from './installed.ts';
import { createNextcloud } from './nextcloud.ts';
import { createRclone, rcloneHere } from './rclone.ts';
import { createFloor, createRtsync } from './rtsync.ts';
import { createUnison } from './unison.ts';

/** With more files than this a peer's first push takes the better part of an hour. */
const MANY_FILES = 20_000;

export async function contestantsFor(bench: Bench): Promise<readonly Contestant[]> {
  const { size, latencyMs, app, say } = bench;
  const many = size.files > MANY_FILES && !bench.long;
  const own = { app, latencyMs, size };
  const all = [
    await createFloor({ ...own, home: bench.folder() }),
    await createRtsync({ ...own, home: bench.folder() }),
  ];
  const { version, canUnspace } = rcloneHere();
  if (version === undefined) say('rclone is not installed: its rows are left out');
  else {
    if (many) say(`rclone's first push of ${size.files} files is left out without --long`);
    const rclone = { size, latencyMs, pushes: !many };
    all.push(await createRclone({ ...rclone, home: bench.folder(), spacing: true }));
    if (canUnspace) all.push(await createRclone({ ...rclone, home: bench.folder(), spacing: false }));
    else say(`rclone ${version} always waits 10 ms between WebDAV calls: wall ratios against it flatter us`);
  }
  if (saidBy('nextcloudcmd', ['--version']) === undefined)
    say("Nextcloud's client (nextcloudcmd) is not installed: its rows are left out");
  else if (many) say(`Nextcloud's client is left out of ${size.files} files without --long`);
  else all.push(await createNextcloud(bench.folder(), size, latencyMs));
  if (saidBy('unison', ['-version']) === undefined) say('Unison is not installed: its rows are left out');
  else all.push(await createUnison(bench.folder(), size));
  return all;
}
