/**
 * Two folders, one workspace, random edits on all three, a server with faults, and `kill -9` at random moments, round
 * after round. Every content is written once, so that it can be told what became of it. Each twentieth round the faults
 * go off, both machines sync until nothing is left to do, and everything must be as people left it. The edits and the
 * moments of the kills come from the seed; how far a process gets until then does not. Ends with 1 on any violation,
 * with the story of that path.
 *
 * Run: npm run torture [-- --rounds 200] [--seed 1] [--behaviour takenName=overwrite|rename|refuse|all] [--minutes M]
 *      [--every 20] [--verbose] [--keep]
 */
import { parseArgs } from 'node:util';
import { randomFrom } from '../support/edits.ts';
import { type Arena, inBrief, openArena } from './support/arena.ts';
import type { Place } from './support/ledger.ts';
import type { Launched, Machine } from './support/machine.ts';
import { proveJudge } from './support/proof.ts';
import { sleep } from './support/scene.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    behaviour: { type: 'string', multiple: true, default: [] },
    minutes: { type: 'string', default: '1000' },
    every: { type: 'string', default: '20' },
    verbose: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const every = Number(values.every);

/** In percent of the requests. The slow ones let more kills fall between a request and its answer. */
const FAULTS = ['error=3', 'drop=2', 'cut=2', 'half-list=1', 'lost-answer=5', 'slow=1'];
/** A run that was not killed by then hangs. */
const LONGEST_RUN_MS = 120_000;
/** What a run may end with while the server plays faults: done, something remains, try later. */
const FINE = new Set<number | null>([0, 4, 75]);
const EDITS_WITHIN_MS = 700;

interface Figures {
  kills: number;
  runs: number;
}

async function torture(behaviour: readonly string[]): Promise<boolean> {
  const arena = await openArena({ seed, behaviour, faults: FAULTS, keep: values.keep });
  const random = randomFrom(seed);
  const figures: Figures = { kills: 0, runs: 0 };
  const startedAt = Date.now();
  for (let i = 0; i < 20; i += 1) arena.people.A.edit();
  const rounds = Number(values.rounds);
  for (let round = 1; round <= rounds; round += 1) {
    arena.ledger.round = round;
    await playRound(arena, random, figures);
    arena.report(arena.judge.torn());
    const last = round === rounds || Date.now() - startedAt > Number(values.minutes) * 60_000;
    if (last || round % every === 0) await arena.checkpoint();
    if (!last && (values.verbose || round % every === 0)) console.log(summary(arena, figures, startedAt));
    if (last) break;
  }
  console.log(`seed ${seed} ${behaviour.join(' ')}: ${summary(arena, figures, startedAt)}`);
  await arena.close();
  return arena.violations.size === 0;
}

async function playRound(arena: Arena, random: () => number, figures: Figures): Promise<void> {
  const edits = (place: Place, most: number): readonly Promise<void>[] =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, async () => {
      await sleep(random() * EDITS_WITHIN_MS);
      arena.people[place].edit();
    });
  const idle = random();
  const busy = arena.machines.filter((_, i) => idle < 0.7 || (idle < 0.85 ? i === 0 : i === 1));
  // All that is random is drawn here, in one order.
  const plans = busy.map((machine) => ({ machine, fates: planRuns(random, arena.startMs) }));
  await Promise.all([
    ...edits('A', 6),
    ...edits('B', 6),
    ...(random() < 0.4 ? edits('W', 3) : []),
    ...plans.map(async ({ machine, fates }) => {
      for (const fate of fates) await meetFate(arena, machine, fate, figures);
    }),
  ]);
}

interface Fate {
  readonly beforeMs: number;
  readonly verb: 'sync' | 'watch';
  readonly afterMs: number;
  /** Not killed: a sync runs to its end, a watch is asked to stop. */
  readonly spared: boolean;
}

/** Processes in a row: some killed while they start, most at work, a few left to their end. */
function planRuns(random: () => number, startMs: number): readonly Fate[] {
  return Array.from({ length: random() < 0.25 ? 3 : 2 }, (_, i) => ({
    beforeMs: i === 0 ? random() * 200 : 0,
    verb: random() < 0.35 ? 'watch' : 'sync',
    afterMs: random() < 0.1 ? 20 + random() * startMs : startMs * (0.7 + random() * 1.6),
    spared: random() < 0.12,
  }));
}

async function meetFate(arena: Arena, machine: Machine, fate: Fate, figures: Figures): Promise<void> {
  const place = machine.name as Place;
  await sleep(fate.beforeMs);
  const run = machine.launch(fate.verb, ...(fate.verb === 'watch' ? ['--poll', '1'] : []));
  figures.runs += 1;
  arena.ledger.note(place, `starts ${fate.verb}`);
  let killed = false;
  const hangs = setTimeout(() => run.kill(), LONGEST_RUN_MS);
  const deed = setTimeout(() => {
    if (!run.running || (fate.spared && fate.verb === 'sync')) return;
    if (fate.spared) {
      run.stop();
      return;
    }
    killed = true;
    arena.ledger.note(place, 'kill -9');
    run.kill();
  }, fate.afterMs);
  await judgeEnd(arena, { place, run, killed: () => killed, fate }, figures);
  clearTimeout(deed);
  clearTimeout(hangs);
}

interface Ending {
  readonly place: Place;
  readonly run: Launched;
  readonly killed: () => boolean;
  readonly fate: Fate;
}

async function judgeEnd(arena: Arena, { place, run, killed, fate }: Ending, figures: Figures): Promise<void> {
  const end = await run.ended;
  arena.ledger.note(place, `ended: ${inBrief(end)}`);
  if (end.signal === 'SIGKILL' && killed()) {
    figures.kills += 1;
    return;
  }
  // One that is told to stop before it listens dies of it.
  const early = fate.verb === 'watch' && fate.spared && end.signal === 'SIGTERM';
  if (FINE.has(end.code) || early) return;
  const text = `${place} ended with ${end.code ?? end.signal}: ${end.text.trim().slice(-800)} (${end.logFile})`;
  arena.report([{ kind: 'bad exit', text, path: '', digest: undefined }]);
}

function summary(arena: Arena, { runs, kills }: Figures, startedAt: number): string {
  const { round, edits } = arena.ledger;
  const seconds = (Date.now() - startedAt) / 1000;
  return (
    `${round} rounds, ${runs} runs, ${kills} kills, ${edits} edits, ${arena.figures()}, ` +
    `${Math.round(seconds)} s (${(seconds / Math.max(1, round)).toFixed(1)} a round)`
  );
}

/** Whole `--behaviour` lists, one for each time that everything is played. */
function behaviours(): readonly (readonly string[])[] {
  const others = values.behaviour.filter((one) => one !== 'all' && one !== 'takenName=all');
  if (others.length === values.behaviour.length) return [others];
  return ['overwrite', 'rename', 'refuse'].map((name) => [...others, `takenName=${name}`]);
}

proveJudge();
let good = true;
for (const behaviour of behaviours()) good = (await torture(behaviour)) && good;
process.exitCode = good ? 0 : 1;
