/** Makes files in nested folders as fast as it can: `node burst.ts ROOT FILES`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [root = '', files = '0'] = process.argv.slice(2);
for (let i = 0; i < Number(files); i += 1) {
  const folder = join(root, `burst${i % 5}`, `deep${i % 25}`, `deeper${i % 100}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `f${i}.txt`), `burst ${i}\n`);
}
