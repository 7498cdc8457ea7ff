/** The deliberate faults: what each breaks, where, and the simulated world that catches it. */
import type { Scenario } from '../../../src/simulation/scenario.ts';
import type { SimFault } from '../../../src/simulation/server/faults.ts';

export interface Mutant {
  readonly name: string;
  /** The promise that it breaks, in words. */
  readonly breaks: string;
  /** Several, where one safeguard stands behind another. */
  readonly patches: readonly Patch[];
  /** Number of the world of seed `mutant` that catches it. */
  readonly world: number;
  /** Says of a world that it may catch it: others are passed over when one is looked for. */
  readonly in?: (scenario: Scenario) => boolean;
}

export interface Patch {
  /** Below `src/`. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'trash-not-synced',
    breaks: 'nothing is lost: the old version has its place in the trash before its name passes on',
    patches: [{ file: 'local/place.ts', find: 'await drawer.sync();', replace: '' }],
    world: 4,
    in: hasPowerCut,
  },
  {
    name: 'memory-is-acted-on-here',
    breaks: 'unknown is not absent: by a remembered list nothing here is changed',
    patches: [{ file: 'engine/recall.ts', find: "{ value: 'push' }", replace: "{ value: 'both' }" }],
    world: 1375,
    in: hasService,
  },
  {
    name: 'temporaries-stay',
    breaks: 'kill it anywhere: what a killed download left is cleared away',
    patches: [{ file: 'local/folder.ts', find: 'clearTemporaries(root, disk);', replace: '' }],
    world: 8,
    in: hasDeath,
  },
  {
    name: 'replaces-unseen',
    breaks: 'nothing unseen is overwritten: the server is looked at right before an upload replaces a file',
    patches: [
      {
        file: 'remote/runtools/write.ts',
        find: 'first: await ctx.looks.after(dir, signal)',
        replace: 'first: ctx.looks.known(dir) ?? (await ctx.looks.after(dir, signal))',
      },
    ],
    world: 156,
  },
  {
    name: 'believes-any-version',
    breaks: 'nothing unseen is overwritten: a look is compared with what was expected',
    patches: [
      {
        file: 'remote/runtools/looks.ts',
        find: 'if (expect === undefined) return entry === undefined;',
        replace: 'return true;',
      },
    ],
    world: 39,
  },
  {
    name: 'settles-before-deed',
    breaks: 'the base moves only after the deed',
    patches: [
      {
        file: 'engine/deeds/upload.ts',
        find: 'return intended(work, upload, opened);',
        replace: `const content = opened.body();
      if (Buffer.isBuffer(content)) {
        const stamp = agreed(upload.local, hash('sha256', content, 'hex'), upload.remote?.date ?? 0);
        const { path } = upload.place;
        work.pair.state.settle({ changes: [{ kind: 'file', path, stamp }], journal: [] });
      }
      return intended(work, upload, opened);`,
      },
    ],
    world: 14,
  },
  {
    name: 'file-not-synced',
    breaks: 'never half a file: a download is on the disk before it has its name',
    patches: [{ file: 'local/place.ts', find: 'await received.handle.sync();', replace: '' }],
    world: 44,
  },
  {
    name: 'folders-not-synced',
    breaks: 'kill it anywhere: names are on the disk before others are given up',
    patches: [{ file: 'local/sync.ts', find: 'await file.sync();', replace: '' }],
    world: 268,
  },
  {
    name: 'any-id-will-do',
    breaks: 'an upload that the server stored under another name is not where it belongs',
    patches: [
      {
        file: 'remote/runtools/upload.ts',
        find: 'if (reply.id === childId(job.dir, job.name)) {',
        replace: 'if (reply.id !== undefined) {',
      },
    ],
    world: 1528,
    in: (world) =>
      world.behaviour.takenName === 'rename' &&
      has(world, 'repeated') &&
      !has(world, 'late') &&
      !hasDeath(world),
  },
  {
    name: 'strays-stay',
    breaks: 'it ends: what a server stored beside a taken name is cleared away',
    patches: [
      {
        file: 'remote/runtools/strays.ts',
        find: '  let rest = strays;',
        replace: '  let rest = strays.slice(0, 0);',
      },
    ],
    world: 1528,
    in: (world) => world.behaviour.takenName === 'rename' && !has(world, 'late') && !hasDeath(world),
  },
  {
    name: 'held-is-not-given-back',
    breaks: 'kill it anywhere: what was written while a killed process took a name comes out again',
    patches: [
      {
        file: 'engine/recover/held.ts',
        find: 'if (options.dryRun) return;',
        replace: 'if (!options.dryRun) return;',
      },
    ],
    world: 38,
    in: hasDeath,
  },
  {
    name: 'folder-removed-unchecked',
    breaks: 'nothing unseen is removed: a folder is removed only as it was seen, and given back else',
    patches: [
      {
        file: 'remote/runtools/same-tree.ts',
        find: 'const { entries } = await how.look(dir);',
        replace: 'const { entries } = await how.look(dir);\n  if (entries.size >= 0) return undefined;',
      },
    ],
    world: 231,
  },
  {
    name: 'folder-not-looked-into',
    breaks:
      'nothing unseen is removed: a folder is looked through before it goes, and in the trash once more',
    patches: [
      {
        file: 'remote/runtools/remove.ts',
        find: "if (difference !== undefined) throw changed(difference, 'differs from what was seen there');",
        replace: '',
      },
      {
        file: 'remote/runtools/trash.ts',
        find: 'const wrong = await unexpected(into, moved);',
        replace: 'const wrong: EntryId[] = [];',
      },
    ],
    world: 233,
  },
  {
    name: 'trash-not-looked-into',
    breaks: 'nothing unseen is removed: what is taken away is looked at once more',
    patches: [
      {
        file: 'remote/runtools/trash.ts',
        find: 'const wrong = await unexpected(into, moved);',
        replace: 'const wrong: EntryId[] = [];',
      },
    ],
    world: 266,
    in: (world) => isRisky(world),
  },
  {
    name: 'not-given-back',
    breaks: 'nothing unseen is removed: what was taken by mistake goes back',
    patches: [
      {
        file: 'remote/runtools/give-back.ts',
        find: 'const sent = from.length > 0 ?',
        replace: 'const sent = from.length < 0 ?',
      },
    ],
    world: 744,
    in: (world) => isRisky(world),
  },
  {
    name: 'equal-names-meet',
    breaks: 'nothing is lost: equal names never meet in one folder of the trash',
    patches: [
      {
        file: 'remote/runtools/remove.ts',
        find: 'byDistinctNames(retired)',
        replace: 'chunks(retired, BATCH)',
      },
    ],
    world: 8468,
    in: ({ behaviour, edits }) =>
      behaviour.takenName === 'overwrite' &&
      edits.filter(({ kind, who }) => kind.startsWith('remove') && who !== 'agent').length > 3,
  },
  {
    name: 'no-local-trash',
    breaks: 'nothing is lost: what is replaced here is in the trash',
    patches: [
      {
        file: 'local/place.ts',
        find: 'if (look === undefined || !sameContent(look, expected)) throw differs(path);',
        replace: `if (look === undefined || !sameContent(look, expected)) throw differs(path);
    drawer.drop(kept.slot);`,
      },
    ],
    world: 2,
  },
  {
    name: 'no-remote-trash',
    breaks: 'nothing is lost: what is overwritten on the server is in the trash',
    patches: [
      {
        file: 'remote/runtools/write.ts',
        find: 'if (ctx.keepTrash) bin ??=',
        replace: 'if (ctx.keepTrash && dir === undefined) bin ??=',
      },
    ],
    world: 5,
  },
  {
    name: 'replaces-any-version-here',
    breaks: 'nothing unseen is overwritten: the file here is still the one that was seen',
    patches: [
      {
        file: 'local/place.ts',
        find: 'else await replace(ground, received, { path, expected });',
        replace: `else {
      const found = ground.disk.lstatSync(file);
      await replace(ground, received, { path, expected: found === undefined ? expected : stampOf(found) });
    }`,
      },
    ],
    world: 592,
  },
  {
    name: 'new-name-by-rename',
    breaks: 'nothing unseen is overwritten: a new name is taken so that a taken one is refused',
    patches: [
      {
        file: 'local/place.ts',
        find: 'await ground.disk.link(received.file, file);',
        replace: 'await ground.disk.rename(received.file, file);',
      },
    ],
    world: 947,
    in: ({ shared, edits }) => shared && edits.filter(({ kind }) => kind === 'create').length > 7,
  },
  {
    name: 'torn-download-accepted',
    breaks: 'never half a file: a download has the listed size',
    patches: [
      {
        file: 'remote/runtools/read.ts',
        find: 'if (size !== one.expect.size) return failed(changing(one));',
        replace: '',
      },
    ],
    world: 70,
    in: ({ faults }) => faults.kinds.includes('torn-download'),
  },
  {
    name: 'delete-beats-remote-edit',
    breaks: 'content beats deletion: edited there, deleted here',
    patches: [
      {
        file: 'core/rules.ts',
        find: "created: 'pull', modified: 'pull', deleted: 'forget'",
        replace: "created: 'pull', modified: 'removeRemote', deleted: 'forget'",
      },
    ],
    world: 10,
  },
  {
    name: 'delete-beats-local-edit',
    breaks: 'content beats deletion: edited here, deleted there',
    patches: [
      {
        file: 'core/rules.ts',
        find: "modified: 'compare', deleted: 'push'",
        replace: "modified: 'compare', deleted: 'removeLocal'",
      },
    ],
    world: 13,
  },
  {
    name: 'conflict-takes-remote',
    breaks: 'nothing is lost: a conflict keeps both versions',
    patches: [
      {
        file: 'core/walk.ts',
        find: 'const settled = settle(input, path, entry);',
        replace: "const settled = settle(input, path, entry) === 'undone' ? 'undone' : 'remote';",
      },
    ],
    world: 13,
  },
  {
    name: 'edit-while-sent-forgotten',
    breaks: 'it ends: an edit made while the file was sent goes up next',
    patches: [
      {
        file: 'local/source.ts',
        find: 'if (!sameVersion(stats, expected)) return overtaken(expected);',
        replace: 'if (stats === undefined) return overtaken(expected);',
      },
    ],
    world: 311,
  },
  {
    name: 'intents-forgotten',
    breaks: 'kill it anywhere: what a killed process did is not taken for somebody else’s deed',
    patches: [
      {
        file: 'engine/recover.ts',
        find: 'pair.options.dryRun ? [] : pair.state.intents()',
        replace: 'pair.options.dryRun ? [] : pair.state.intents().slice(0, 0)',
      },
    ],
    world: 1337,
    in: hasDeath,
  },
  {
    name: 'removes-any-version-here',
    breaks: 'nothing unseen is removed: the file here is still the one that was seen',
    patches: [
      {
        file: 'local/retire.ts',
        find: 'const one = await hold(ground, drawer, file);',
        replace: `const expected = (look(ground, file.path) ?? file.expected) as LocalStamp;
      const one = await hold(ground, drawer, { path: file.path, expected });`,
      },
    ],
    world: 1070,
    in: (world) => world.shared && has(world, 'slow') && hasTrouble(world),
  },
  {
    name: 'lost-answer-is-success',
    breaks: 'a lost answer is settled by looking, and what looks as before was not written',
    patches: [
      {
        file: 'remote/runtools/upload.ts',
        find: 'if (sameFile(now, before)) {',
        replace: 'if (sameFile(now, before) && now.size !== source.size) {',
      },
      {
        file: 'remote/runtools/upload.ts',
        find: 'return proven ? end :',
        replace: 'return proven || true ? end :',
      },
    ],
    world: 848,
    in: hasTrouble,
  },
  {
    name: 'size-tells-all-there',
    breaks: 'an edit of the same size on the server is an edit',
    patches: [
      {
        file: 'core/base.ts',
        find: "return dateMatches(base.date, remote.date) ? 'none' : 'modified';",
        replace: "return 'none';",
      },
    ],
    world: 10,
  },
  {
    name: 'size-tells-all-here',
    breaks: 'an edit of the same size here is an edit',
    patches: [
      {
        file: 'core/base.ts',
        find: 'if (local.digest === undefined) return',
        replace: "if (base.size === local.size) return 'none';\n  if (local.digest === undefined) return",
      },
    ],
    world: 5,
  },
  {
    name: 'deletes-for-good',
    breaks: 'nothing is lost: what is removed on the server is in the trash',
    patches: [
      {
        file: 'remote/runtools/remove.ts',
        find: '=> keepTrash || (traits.',
        replace: '=> keepTrash && (traits.',
      },
    ],
    world: 5,
  },
  {
    name: 'deeds-not-settled',
    breaks: 'it ends: what was done is known to the next cycle',
    patches: [
      {
        file: 'engine/ledger.ts',
        find: 'pair.state.settle({ changes, journal, conflicts, ended: done.flatMap(intents.idsOf) });',
        replace: 'pair.state.dropIntents(done.flatMap(intents.idsOf));',
      },
    ],
    world: 1,
  },
  {
    name: 'size-tells-it-is-ours',
    breaks: 'kill it anywhere: content decides that a deed was done',
    patches: [
      { file: 'engine/recover/contents.ts', find: 'digest === one.digest', replace: 'digest !== undefined' },
    ],
    world: 154,
    in: hasDeath,
  },
  {
    name: 'late-write-ignored',
    breaks: 'nothing is lost: what is written into a file while it is replaced comes out again',
    patches: [
      {
        file: 'local/place.ts',
        find: 'if (late === undefined || sameContent(late, expected)) return;',
        replace: 'if (late === undefined || late.ino > 0) return;',
      },
    ],
    world: 167,
    in: hasScribbler,
  },
  {
    name: 'late-write-taken-away',
    breaks: 'nothing is lost: what is written into a file while it is removed gets its name back',
    patches: [
      {
        file: 'local/retire.ts',
        find: 'if (taken !== undefined && sameContent(taken, expected)) {\n    disk.unlinkSync(aside);',
        replace: 'if (taken !== undefined) {\n    disk.unlinkSync(aside);',
      },
    ],
    world: 23,
    in: hasScribbler,
  },
  {
    name: 'failed-list-is-empty',
    breaks: 'unknown is not absent: a folder whose list fails is not empty',
    patches: [
      {
        file: 'remote/runtools/scan.ts',
        find: "settle(run, draft, { kind: 'unknown', why: 'not listed', ...spelling(draft) });",
        replace: 'absorb(run, draft, { entries: new Map(), sentAt: 0 });',
      },
    ],
    world: 301,
    in: hasOutage,
  },
  {
    name: 'every-failed-list-is-empty',
    breaks: 'unknown is not absent: wherever a list fails, nothing is taken for gone',
    patches: [
      {
        file: 'remote/runtools/looks.ts',
        find: 'const listing = await client.list(dir, { ...manner, still });',
        replace: `const nothing = { entries: new Map(), sentAt: clock.monotonic() };
    const listing = await client.list(dir, { ...manner, still }).catch(() => nothing);`,
      },
    ],
    world: 245,
    in: hasOutage,
  },
  {
    name: 'unknown-is-absent',
    breaks: 'unknown is not absent: what could not be listed is not deleted here',
    patches: [
      {
        file: 'core/walk.ts',
        find: "if (local?.kind === 'unknown' || remote?.kind === 'unknown') return;",
        replace: `if (local?.kind === 'unknown') return;
  if (remote?.kind === 'unknown') {
    meet(walk, dir, { ...entry, remote: undefined });
    return;
  }`,
      },
    ],
    world: 301,
    in: hasOutage,
  },
  {
    name: 'uploads-blindly-again',
    breaks: 'a lost answer is settled by looking, never by a blind retry of an upload',
    patches: [
      {
        file: 'remote/runtools/upload.ts',
        find: 'const end = await afterLostAnswer(',
        replace: `if (delivery.again === undefined) return { kind: 'again', seen, error };
  const end = await afterLostAnswer(`,
      },
    ],
    world: 5,
    in: hasTrouble,
  },
  {
    name: 'everything-blindly-again',
    breaks: 'only what reads is repeated without a look',
    patches: [
      {
        file: 'remote/runtools/call.ts',
        find: 'tries < (call.retries ?? 0);',
        replace: 'tries < (call.retries ?? 2);',
      },
    ],
    world: 16,
    in: hasTrouble,
  },
  {
    name: 'racy-is-clean',
    breaks: 'it ends: a version younger than the grain of the disk is looked at again',
    patches: [
      {
        file: 'local/stamp.ts',
        find: 'return now - youngest < grainMs ?',
        replace: 'return now - youngest < -grainMs ?',
      },
    ],
    world: 490,
    in: ({ machines }) => machines.some(({ scribbler, grainMs }) => scribbler && grainMs > 10),
  },
  {
    name: 'taken-while-written',
    breaks: 'never half a file: a file is taken when it has stood still',
    patches: [
      {
        file: 'local/settle.ts',
        find: 'const stillMs = settleMs * patience(stamp.size);',
        replace: 'const stillMs = settleMs * patience(stamp.size) * 0;',
      },
    ],
    world: 5,
  },
  {
    name: 'download-not-looked-at-again',
    breaks: 'never half a file: what was downloaded is listed the same afterwards',
    patches: [
      {
        file: 'remote/runtools/read.ts',
        find: "entry?.kind === 'file' && matches(entry, one.expect) ? entry.date : undefined;",
        replace: "entry?.kind === 'file' ? one.expect.date : undefined;",
      },
    ],
    world: 6114,
    in: ({ scribbler, behaviour }) => scribbler && behaviour.streamedDownloads === true,
  },
  {
    name: 'looks-never-grow-old',
    breaks: 'nothing unseen is overwritten: an upload goes on a young look',
    patches: [
      {
        file: 'remote/runtools/looks.ts',
        find: 'return look.sentAt >= openSince && age <= TRUST_TURNS * turnMs;',
        replace: 'return age <= Number.POSITIVE_INFINITY;',
      },
    ],
    world: 3828,
    in: ({ wide }) => wide !== undefined,
  },
];

function has({ faults }: Scenario, kind: SimFault): boolean {
  return faults.kinds.includes(kind);
}

/** Much is removed here while slow requests leave others time to write there. */
function isRisky(world: Scenario): boolean {
  const removals = world.edits.filter(({ kind, who }) => kind.startsWith('remove') && who !== 'agent');
  return world.shared && has(world, 'slow') && removals.length > 2;
}

function hasTrouble({ faults }: Scenario): boolean {
  return faults.rate > 0.02;
}

function hasDeath({ machines }: Scenario): boolean {
  return machines.some(({ starts }) => starts.some(({ fuse }) => fuse !== undefined));
}

function hasPowerCut({ machines }: Scenario): boolean {
  return machines.some(({ starts }) => starts.some(({ powerCut }) => powerCut));
}

function hasService({ machines }: Scenario): boolean {
  return machines.some(({ starts }) => starts.some(({ mode }) => mode === 'watch'));
}

function hasScribbler({ machines }: Scenario): boolean {
  return machines.some(({ scribbler }) => scribbler);
}

function hasOutage({ outages }: Scenario): boolean {
  return outages.length > 0;
}
