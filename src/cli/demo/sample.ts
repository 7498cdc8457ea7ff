/** The demo's two folders, with different contents on purpose, and the edits of the scripted round. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface Sides {
  /** The folder "on this machine". */
  readonly here: string;
  /** The folder that the embedded server serves: what agents in sandboxes would see. */
  readonly there: string;
}

const HERE: Readonly<Record<string, string>> = {
  'README.md': '# My project\n\nEdit me here, or in the workspace.\n',
  'notes/plan.md': '- write the report\n- ask the agent for figures\n',
  'notes/ideas.md': 'An idea a day.\n',
  'src/main.ts': "console.log('hello');\n",
  'src/lib/add.ts': 'export const add = (a: number, b: number): number => a + b;\n',
  'src/lib/names with spaces & ünïcode ✓.txt': 'odd names travel too\n',
  'pictures/logo.svg': '<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>\n',
};

const THERE: Readonly<Record<string, string>> = {
  'README.md': '# My project\n\nEdit me here, or in the workspace.\n',
  'agents/log.txt': 'agent 1: started\n',
  'agents/figures.csv': 'month,users\n1,10\n2,14\n',
  'src/generated/api.ts': 'export const version = 3;\n',
};

export async function makeSample(sides: Sides): Promise<void> {
  await writeAll(sides.here, HERE);
  await writeAll(sides.there, THERE);
  await writeAll(sides.here, Object.fromEntries(numbered('archive/2025', 40)));
}

/** What people and agents do to both sides between two syncs; each line is told as it is done. */
export async function editBothSides(sides: Sides, tell: (line: string) => void): Promise<void> {
  const here = (path: string): string => join(sides.here, path);
  const there = (path: string): string => join(sides.there, path);
  tell('here:  edit notes/plan.md, add notes/today.md, rename folder archive to old, delete notes/ideas.md');
  await writeFile(here('notes/plan.md'), '- report written\n');
  await writeFile(here('notes/today.md'), 'Sunday\n');
  await rename(here('archive'), here('old'));
  await rm(here('notes/ideas.md'));
  tell(
    'there: edit agents/log.txt, add agents/result.bin (1 MiB), rename src/generated, delete pictures/logo.svg',
  );
  await writeFile(there('agents/log.txt'), 'agent 1: started\nagent 1: done\n');
  await writeFile(there('agents/result.bin'), Buffer.alloc(1024 * 1024, 'rtsync'));
  await rename(there('src/generated'), there('src/made'));
  await rm(there('pictures/logo.svg'));
  tell('both:  edit README.md differently (a conflict)');
  await writeFile(here('README.md'), '# My project, edited here\n');
  await writeFile(there('README.md'), '# My project, edited by an agent in the workspace\n');
}

function numbered(dir: string, count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [
    `${dir}/page-${i + 1}.md`,
    `Page ${i + 1}\n${'text '.repeat(i)}\n`,
  ]);
}

async function writeAll(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
