/** What the engine tells while it works: for progress lines, the live view and the log. Facts only, no secrets. */
import type { Held, Operation, Plan } from '../core/plan.ts';

export type EngineEvent =
  | { readonly kind: 'phase'; readonly phase: 'scanning' | 'listing' | 'planning' | 'working' | 'idle' }
  | { readonly kind: 'planned'; readonly plan: Plan; readonly held: readonly Held[] }
  | { readonly kind: 'operation'; readonly operation: Operation; readonly result: OperationResult }
  | { readonly kind: 'conflict'; readonly path: string; readonly copy: string | undefined }
  /** The workspace's storage is full, and so much waits for room; all zero: nothing does any more. */
  | { readonly kind: 'room'; readonly files: number; readonly folders: number; readonly bytes: number }
  | { readonly kind: 'notice'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

/** `adopted`: both sides already held the same. */
export type OperationResult = 'done' | 'adopted' | 'replan' | 'failed' | 'skipped';

export interface Observer {
  on(event: EngineEvent): void;
}

export const silent: Observer = { on: () => undefined };
