/**
 * Plays simulated worlds with one deliberate fault built into the sources: a loader hook changes a place of a file, or
 * a few, on their way in, so that the product itself carries no seam for it. Run by the mutant tests, and by hand:
 *
 *   node test/support/mutants/run.ts NAME [--seed S] [--from N] [--runs N]
 *   node test/support/mutants/run.ts --find [NAME…] [--seed S] [--from N] [--runs N]
 *
 * NAME `none` is no fault. The first prints one JSON object: how many worlds were played and the first that failed; with
 * `--worlds 3,7` it plays these. The second prints for each mutant (of those named) the first world that catches it, to
 * be entered in `mutants.ts`: what the number of a world means changes with how scenarios are drawn.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { forEachLimited } from '../../../src/lib/concurrency.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: 'mutant' },
    from: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1500' },
    worlds: { type: 'string' },
    find: { type: 'boolean', default: false },
  },
});

/** What one run prints. */
interface Found {
  readonly mutant?: string;
  /** How many of the changed files were loaded. */
  readonly applied: number;
  readonly played: number;
  readonly caught?: { readonly world: number; readonly promise: string; readonly what: string };
}

/** Drawing a world costs next to nothing, playing it does: `--runs` counts those that are played. */
const MOST_DRAWN = 30_000;

if (values.find) await findWorlds(positionals);
else console.log(JSON.stringify(await play(positionals[0])));

function mutantNamed(name: string | undefined): Mutant | undefined {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined && name !== 'none') throw new Error(`no such mutant: ${name}`);
  return mutant;
}

async function play(name: string | undefined): Promise<Found> {
  const mutant = mutantNamed(name);
  const change = mutant === undefined ? { applied: 0 } : buildIn(mutant);
  const { drawScenario } = await import('../../../src/simulation/scenario.ts');
  const { playWorld } = await import('../../../src/simulation/world.ts');
  const { worldSeed } = await import('../../../src/simulation/selftest.ts');
  let played = 0;
  let caught: Found['caught'];
  for (const world of worlds()) {
    const scenario = drawScenario(worldSeed(values.seed, world));
    if (mutant?.in?.(scenario) === false) continue;
    const [violation] = (await playWorld(scenario)).violations;
    played += 1;
    if (violation !== undefined) caught = { world, ...violation };
    if (caught !== undefined || played >= Number(values.runs)) break;
  }
  return {
    ...(mutant === undefined ? {} : { mutant: mutant.name }),
    applied: change.applied,
    played,
    ...(caught === undefined ? {} : { caught }),
  };
}

function* worlds(): Generator<number> {
  if (values.worlds !== undefined) yield* values.worlds.split(',').map(Number);
  else for (let n = 0; n < MOST_DRAWN; n += 1) yield Number(values.from) + n;
}

function buildIn(mutant: Mutant): { readonly applied: number } {
  const change = { applied: 0 };
  const sources = new Map<string, string>();
  for (const { file, find, replace } of mutant.patches) {
    const { href } = new URL(`../../../src/${file}`, import.meta.url);
    const source = sources.get(href) ?? readFileSync(fileURLToPath(href), 'utf8');
    if (source.split(find).length !== 2)
      throw new Error(`${mutant.name}: its place in ${file} is not there exactly once`);
    sources.set(
      href,
      source.replace(find, () => replace),
    );
  }
  registerHooks({
    load: (url, context, nextLoad) => {
      const source = sources.get(url);
      if (source === undefined) return nextLoad(url, context);
      change.applied += 1;
      return { format: 'module-typescript', shortCircuit: true, source };
    },
  });
  return change;
}

async function findWorlds(names: readonly string[]): Promise<void> {
  const wanted = names.length === 0 ? MUTANTS.map(({ name }) => name) : names;
  await forEachLimited(wanted, 2, async (name) => {
    let from = Number(values.from);
    for (;;) {
      const found = await inProcess(name, ['--from', String(from), '--runs', values.runs]);
      const { caught } = found;
      if (caught === undefined) return console.log(`${name}: none of ${found.played} worlds catches it`);
      // A world that fails without the fault as well says nothing.
      const plain = await inProcess('none', ['--worlds', String(caught.world)]);
      if (plain.caught === undefined)
        return console.log(
          `${name}: world ${caught.world} (${caught.promise}: ${caught.what.slice(0, 160)})`,
        );
      console.log(`world ${caught.world} fails without any mutant: ${plain.caught.what.slice(0, 160)}`);
      from = caught.world + 1;
    }
  });
}

async function inProcess(name: string, options: readonly string[]): Promise<Found> {
  const script = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[script, name, '--seed', values.seed],
    ...options,
  ]);
  return JSON.parse(stdout) as Found;
}
