/**
 * Two `rtsync watch` on two folders and one workspace, all three edited for minutes, in bursts and with pauses. In each
 * long pause everything must become equal by itself, with nothing lost and conflict copies only where two sides wrote;
 * at the end both stop cleanly. The edits come from the seed, their meeting does not. Ends with 1 on any violation.
 *
 * Run: node test/e2e/two-daemons.ts [--minutes 1] [--seed 1] [--behaviour takenName=rename] [--faults] [--keep]
 */
import { parseArgs } from 'node:util';
import { randomFrom } from '../support/edits.ts';
import { type Arena, openArena } from './support/arena.ts';
import type { Place } from './support/ledger.ts';
import type { Launched } from './support/machine.ts';
import { proveJudge } from './support/proof.ts';
import { sleep } from './support/scene.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    behaviour: { type: 'string', multiple: true, default: [] },
    faults: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const endsAt = Date.now() + Number(values.minutes) * 60_000;
/** Two polls, the work and its waits; with faults also the tries. */
const REST_WITHIN_MS = values.faults ? 90_000 : 30_000;

proveJudge();
const random = randomFrom(seed);
const arena = await openArena({
  seed,
  behaviour: values.behaviour,
  faults: values.faults ? ['error=3', 'drop=2', 'cut=2', 'half-list=1', 'lost-answer=5', 'slow=1'] : [],
  keep: values.keep,
});
for (let i = 0; i < 25; i += 1) arena.people.A.edit();
const daemons = arena.machines.map((machine) => machine.launch('watch', '--poll', '1'));

let rests = 0;
let slowest = 0;
while (Date.now() < endsAt) {
  arena.ledger.round += 1;
  for (let bursts = 1 + Math.floor(random() * 6); bursts > 0; bursts -= 1) {
    await burst(arena);
    await sleep(random() * 2_500);
  }
  await rest(arena, daemons);
}
for (const [i, daemon] of daemons.entries()) {
  daemon.stop();
  const end = await daemon.ended;
  if (end.code === 0) continue;
  const text = `watch ${i === 0 ? 'A' : 'B'} ended with ${end.code ?? end.signal}: ${end.text.trim().slice(-600)}`;
  arena.report([{ kind: 'bad exit', text, path: '', digest: undefined }]);
}
await arena.checkpoint();
console.log(
  `seed ${seed}: ${rests} rests, the slowest after ${(slowest / 1000).toFixed(1)} s, ${arena.ledger.edits} edits, ${arena.figures()}`,
);
await arena.close();
process.exitCode = arena.violations.size === 0 ? 0 : 1;

/** Some edits at once or close together; mostly on one or two sides. */
async function burst({ people }: Arena): Promise<void> {
  const gapMs = random() < 0.5 ? 30 : 400;
  const places = (['A', 'B', 'W'] as const).filter((place) => random() < (place === 'W' ? 0.25 : 0.7));
  await Promise.all(
    places.map(async (place: Place) => {
      for (let n = 1 + Math.floor(random() * 8); n > 0; n -= 1) {
        await sleep(random() * gapMs);
        people[place].edit();
      }
    }),
  );
}

/** Nobody edits until all is equal, and a while longer, since the judge must meet no work. */
async function rest({ judge, report, ledger }: Arena, running: readonly Launched[]): Promise<void> {
  const startedAt = Date.now();
  const quiet = (): boolean => judge.unequal().length === 0;
  while (Date.now() - startedAt < REST_WITHIN_MS && running.every((one) => one.running)) {
    await sleep(300);
    if (quiet()) break;
  }
  const tookMs = Date.now() - startedAt;
  await sleep(2_500);
  if (!quiet()) {
    const text = `not equal ${(tookMs / 1000).toFixed(1)} s after the last edit: ${judge.unequal().slice(0, 3).join('; ')}`;
    const path = judge.unequal()[0]?.replace(/: .*$/, '') ?? '';
    report([{ kind: 'never ends', text, path, digest: undefined }]);
    return;
  }
  report(judge.judge());
  rests += 1;
  slowest = Math.max(slowest, tookMs);
  ledger.note('', `rest after ${tookMs} ms`);
}
