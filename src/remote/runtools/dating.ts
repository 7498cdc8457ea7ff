/** When a deed of ours can have been done, and what the date of a file says of it. */
import { dateMatches } from '../../core/base.ts';
import type { RemoteStamp } from '../../core/tree.ts';
import type { Context } from './context.ts';
import type { Sending } from './file-clock.ts';
import { datesTell, type Item, tellsNothing } from './item.ts';
import type { Entry } from './wire.ts';

/** Whether a file of our size can be no other than what we sent, by its date alone: a guess of the clock is no proof. */
export function dateProves(ctx: Context, sending: Sending, { size, date }: RemoteStamp): boolean {
  const span = datesTell(ctx) ? ctx.fileClock.span(sending) : undefined;
  return span !== undefined && !tellsNothing(sending, size) && dateMatches(span, date);
}

/** When a deed of one or more requests can have been done. */
export interface Times {
  /** For each of its requests. */
  readonly onSent: (sentAt: number) => void;
  /** From when the gate let the first of them go, however long it waited there, until now. */
  span(): Sending;
}

export function startTimes({ clock }: Pick<Context, 'clock'>): Times {
  const from = clock.monotonic();
  let first: number | undefined;
  return {
    onSent: (sentAt) => {
      first ??= sentAt;
    },
    span: () => ({ sentAt: first ?? from, answeredAt: clock.monotonic() }),
  };
}

/** Of what was uploaded where nobody else writes: its dates are surely of our own uploads. */
export function teachClock(
  ctx: Context,
  stored: ReadonlyMap<Item, { readonly sending: Sending | undefined }>,
  entries: ReadonlyMap<string, Entry>,
): void {
  if (!ctx.traits.datesFollowClock) return;
  const samples = [...stored].flatMap(([{ name }, { sending }]) => {
    const entry = entries.get(name);
    const date = entry?.kind === 'file' ? entry.date : undefined;
    return sending === undefined || date === undefined ? [] : [{ ...sending, date }];
  });
  if (samples.length > 0) ctx.fileClock.learn(samples);
}
