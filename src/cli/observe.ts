/** Sends the engine's events to the log and to the progress line. */
import type { EngineEvent, Observer } from '../engine/events.ts';
import type { Log } from '../lib/log.ts';
import { describe, type Progress } from './progress.ts';

export function observeWith(log: Log, progress: Progress, also?: (event: EngineEvent) => void): Observer {
  return {
    on: (event) => {
      also?.(event);
      if (event.kind !== 'operation') progress.clear();
      tell(log, event);
      progress.on(event);
    },
  };
}

function tell(log: Log, event: EngineEvent): void {
  switch (event.kind) {
    case 'operation':
      log.debug({ result: event.result }, describe(event.operation));
      return;
    case 'conflict':
      log.warn({ path: event.path, copy: event.copy }, 'conflict: both sides changed');
      return;
    case 'problem':
      log.warn({ path: event.problem.path, code: event.problem.code }, event.problem.message);
      return;
    case 'notice':
      log[event.level](event.message);
      return;
    case 'planned':
      log.debug({ operations: event.plan.operations.length, held: event.held.length }, 'planned');
      for (const held of event.held)
        log.warn({ path: held.path, files: held.files }, `deletes held: ${held.reason}`);
      return;
    case 'phase':
      log.trace({ phase: event.phase }, 'phase');
  }
}
