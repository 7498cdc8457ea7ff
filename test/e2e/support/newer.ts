/** Newer versions over what an older copy holds, and whether they still stand after that copy came back. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInspector } from './inspect.ts';
import { digestOf } from './ledger.ts';
import { contentOf, FILES, fileName, noneGone, type Scene, sleep, writeFiles } from './scene.ts';

/** Files that may go without a question, by default. */
const LIMIT = 50;

/** Some files get a second version, and 20 new ones come. */
export async function newerVersions(scene: Scene, edited: number): Promise<void> {
  // Within two seconds, dates say nothing of which version is older.
  await sleep(4_000);
  writeFiles(scene.folder, 0, edited, 2);
  writeFiles(scene.folder, FILES, FILES + 20);
  const end = await scene.machine.sync();
  scene.check(end.code === 0, 'newer versions and 20 new files are synced');
}

/** More than the limits of `maxDelete` must stand untouched; what goes within them must be in the trash. */
export function newerStand(scene: Scene, root: string, edited: number, which: string): void {
  const stands = (n: number): boolean =>
    existsSync(join(root, fileName(n))) &&
    readFileSync(join(root, fileName(n)), 'utf8') === contentOf(n, n < edited ? 2 : 1);
  const fresh = Array.from({ length: 20 }, (_, n) => FILES + n);
  const changed = Array.from({ length: edited }, (_, n) => n);
  const gone = [...fresh, ...changed].filter((n) => !stands(n));
  const kept = createInspector().digests(join(root, '.rtsync', 'trash'));
  const unkept = gone.filter((n) => !kept.has(digestOf(Buffer.from(contentOf(n, n < edited ? 2 : 1)))));
  const words = `${gone.filter((n) => n >= FILES).length} of 20 newer files deleted and ${gone.filter((n) => n < FILES).length} of ${edited} back to their old version in ${which}`;
  if (edited + 20 > LIMIT) scene.check(gone.length === 0, words);
  else console.log(`      ${words}: within the limits of maxDelete, so followed`);
  scene.check(unkept.length === 0, `${unkept.length} of them in no trash`);
  noneGone(scene, root, which);
}
