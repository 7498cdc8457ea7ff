/** The benchmark works: each goal can be measured. How fast anything was says nothing here, and is not asked. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../bench/measure.ts';
import type { Result } from '../bench/table.ts';

const MAIN = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
/** Far more than it needs, since other tests run beside it. */
const PATIENCE_MS = 300_000;

it(
  'measures each of the 21 goals in finite numbers, and draws them',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'rtsync-smoke-'));
    try {
      const [json, svg] = [join(home, 'bench.json'), join(home, 'bench.svg')];
      const ran = await run(process.execPath, [MAIN, '--smoke', '--json', json, '--svg', svg]);
      expect(ran.code, ran.stderr).toBe(0);
      const { figures, contests } = JSON.parse(await readFile(json, 'utf8')) as Result;
      const goals = [...new Set(figures.map(({ goal }) => goal))];
      expect(goals, ran.stderr).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
      expect(
        figures.filter(({ value }) => value === null),
        ran.stderr,
      ).toEqual([]);
      expect(contests.filter(({ who }) => who === 'rtsync')).toHaveLength(3);
      expect(await readFile(svg, 'utf8')).toContain('</svg>');
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  },
  PATIENCE_MS,
);
