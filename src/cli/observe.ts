/** Sends the engine's events to the log and to the progress line. */
import type { Held } from '../core/plan.ts';
import type { EngineEvent, Observer } from '../engine/events.ts';
import { stepOf } from '../engine/report.ts';
import type { Log } from '../lib/log.ts';
import { bytesInWords, counted } from './output.ts';
import { describe, type Progress } from './progress.ts';
import { heldBySide } from './report-lines.ts';

interface Ways {
  readonly log: Log;
  readonly progress: Progress;
  /** The command that lets what is held pass. */
  readonly approve: string;
}

export function observeWith({ log, progress, approve }: Ways, also?: (event: EngineEvent) => void): Observer {
  let heldBefore = '';
  const tellHeld = (held: readonly Held[]): void => {
    const reasons = [...new Set(held.map(({ reason }) => reason))];
    const count = `${heldBySide(held)} ${held.length === 1 ? 'is' : 'are'} held`;
    const text =
      reasons.length === 0 ? '' : `${count}: ${reasons.join('; ')} (to let exactly that pass: ${approve})`;
    if (text !== '' && text !== heldBefore)
      log.warn({ first: held.slice(0, 5).map(({ path }) => path) }, text);
    heldBefore = text;
  };
  return {
    on: (event) => {
      also?.(event);
      if (event.kind !== 'operation') progress.clear();
      if (event.kind === 'planned') tellHeld(event.held);
      tell(log, event);
      progress.on(event);
    },
  };
}

function tell(log: Log, event: EngineEvent): void {
  switch (event.kind) {
    case 'operation':
      log.debug({ result: event.result }, describe(stepOf(event.operation)));
      return;
    case 'conflict':
      log.warn({ path: event.path, copy: event.copy }, 'conflict: both sides changed');
      return;
    case 'room':
      tellRoom(log, event);
      return;
    case 'notice':
      log[event.level](event.message);
      return;
    case 'planned':
      log.debug({ operations: event.plan.operations.length, held: event.held.length }, 'planned');
      return;
    case 'phase':
      log.trace({ phase: event.phase }, 'phase');
  }
}

function tellRoom(log: Log, { files, folders, bytes }: Extract<EngineEvent, { kind: 'room' }>): void {
  if (files + folders === 0) {
    log.info("the workspace's storage has room again; nothing waits for room any more");
    return;
  }
  const what = files > 0 ? `${counted(files, 'file')} (${bytesInWords(bytes)})` : counted(folders, 'folder');
  const wait = (files > 0 ? files : folders) === 1 ? 'waits' : 'wait';
  log.warn(`the workspace's storage is full: ${what} ${wait} for room`);
}
