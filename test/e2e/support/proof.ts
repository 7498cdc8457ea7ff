/** Shows that the judge can say no: plants each kind of damage in small folders, and expects exactly that verdict. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { answerWasLost, haveMet } from './excuses.ts';
import { createInspector } from './inspect.ts';
import { createLedger, digestOf, type Ledger, type Place } from './ledger.ts';
import { createJudge, type Kind } from './verdict.ts';

interface Site {
  readonly ledger: Ledger;
  /** Lays a file in these places; what no person wrote is not in the ledger. */
  put(path: string, text: string, ...places: readonly Place[]): void;
  wrote(path: string, text: string, by: Place): void;
  drop(path: string): void;
  judge(): void;
}

const ALL: readonly Place[] = ['A', 'B', 'W'];
const COPY = 'a (conflict 2026-11-22 14.03.05 host).txt';

const DAMAGES: readonly (readonly [what: string, expected: string, plant: (site: Site) => void])[] = [
  ['nothing', '', () => undefined],
  ['a temporary in A', 'left over', ({ put }) => put('.rtsync/tmp/x', 'x', 'A')],
  ['a temporary deep in B', 'left over', ({ put }) => put('.rtsync/tmp/d/x', 'x', 'B')],
  ['a staged upload', 'left over', ({ put }) => put('.rtsync/staging/1/x', 'x', 'W')],
  ['a scratch folder', 'left over', ({ put }) => put('.rtsync/scratch/x', 'x', 'W')],
  ['a lost file', 'lost', ({ wrote }) => wrote('b', 'b', 'A')],
  [
    'a lost file in a trash',
    'lost, kept',
    ({ wrote, put }) => {
      wrote('b', 'b', 'A');
      put('.rtsync/trash/2026-11-22/b', 'b', 'B');
    },
  ],
  ['half a file', 'lost torn torn torn', ({ put }) => put('a', 'whol', ...ALL)],
  [
    'a file on one side',
    'unequal unequal lost',
    ({ wrote, put }) => {
      wrote('b', 'b', 'A');
      put('b', 'b', 'A');
    },
  ],
  [
    'a name of the server',
    'made-up name',
    ({ wrote, put }) => {
      wrote('b', 'b', 'A');
      put('b.new', 'b', ...ALL);
    },
  ],
  [
    'a copy of what one side wrote',
    'conflict without cause',
    ({ wrote, put }) => {
      wrote('a.txt', 'b', 'A');
      put(COPY, 'b', ...ALL);
    },
  ],
  [
    'a copy of what two sides wrote',
    '',
    ({ wrote, put }) => {
      wrote('a.txt', 'b', 'A');
      wrote('a.txt', 'c', 'B');
      put(COPY, 'b', ...ALL);
      put('a.txt', 'c', ...ALL);
    },
  ],
  [
    'a copy of what was deleted and written anew, and edited on the other side under an older name',
    '',
    ({ wrote, put, ledger }) => {
      wrote('old.txt', '1', 'A');
      const moved = digestOf(Buffer.from('1'));
      ledger.move('B', 'old.txt', 'a.txt', moved);
      ledger.giveUp('B', 'a.txt', moved);
      wrote('a.txt', 'b', 'B');
      ledger.write('A', 'old.txt', Buffer.from('2'), moved);
      put(COPY, 'b', ...ALL);
      put('a.txt', '2', ...ALL);
    },
  ],
  [
    'a copy of a file whose name became a folder on the other side',
    '',
    ({ wrote, put, ledger }) => {
      wrote('a.txt', 'b', 'A');
      ledger.folder('B', 'a.txt/c', 'makes a folder');
      put(COPY, 'b', ...ALL);
    },
  ],
  [
    'a file that went by itself',
    'lost, kept not in the trash not in the trash',
    ({ judge, drop, put }) => {
      judge();
      drop('a');
      put('.rtsync/trash/a', 'whole', 'A');
    },
  ],
];

/** Throws when the judge overlooks something, or sees what is not there. */
export function proveJudge(): void {
  for (const [what, expected, plant] of DAMAGES) {
    const verdict = verdictOf(plant).join(' ');
    if (verdict !== expected)
      throw new Error(`the judge of ${what} says "${verdict}", and should say "${expected}"`);
  }
  const upload = { label: 'upload', path: '/a', fault: undefined } as const;
  const one = { ...upload, at: 1_000, key: 'key 1' };
  const [near, far] = [1_399, 1_400].map((at) => ({ ...upload, at, key: 'key 2' })) as [
    typeof one,
    typeof one,
  ];
  const a = new Set(['a']);
  const lost = { ...one, fault: 'lost-answer' };
  const facts: readonly (readonly [what: string, is: boolean, should: boolean])[] = [
    ['a meeting', haveMet([one, near], a, 0), true],
    ['a meeting told late', haveMet([near, one], a, 0), true],
    ['no meeting, too far apart', haveMet([one, far], a, 0), false],
    ['no meeting, one machine', haveMet([one, { ...near, key: one.key }], a, 0), false],
    ['no meeting, another name', haveMet([one, { ...near, path: '/b' }], a, 0), false],
    ['no meeting, before the content', haveMet([one, near], a, 1_100), false],
    ['a lost answer', answerWasLost([lost], a, 11_000), true],
    ['a lost answer long ago', answerWasLost([lost], a, 11_001), false],
    ['an answer that came', answerWasLost([one], a, 1_000), false],
  ];
  for (const [what, is, should] of facts) if (is !== should) throw new Error(`${what}: judged ${is}`);
}

function verdictOf(plant: (site: Site) => void): readonly string[] {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-proof-'));
  const roots = { A: join(home, 'A'), B: join(home, 'B'), W: join(home, 'W') };
  const ledger = createLedger();
  const judge = createJudge({ roots, ledger, inspector: createInspector() });
  const put: Site['put'] = (path, text, ...places) => {
    for (const place of places) {
      mkdirSync(dirname(join(roots[place], path)), { recursive: true });
      writeFileSync(join(roots[place], path), text);
    }
  };
  try {
    ledger.write('A', 'a', Buffer.from('whole'));
    put('a', 'whole', ...ALL);
    plant({
      ...{ ledger, put },
      wrote: (path, text, by) => ledger.write(by, path, Buffer.from(text)),
      drop: (path) => {
        for (const place of ALL) rmSync(join(roots[place], path));
      },
      judge: () => void judge.judge(),
    });
    return judge
      .judge()
      .map(({ kind, kept }): `${Kind}${string}` => `${kind}${kept === true ? ', kept' : ''}`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
