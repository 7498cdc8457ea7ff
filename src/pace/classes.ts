/**
 * Whom the budget serves first. *Control* is the few requests that must not wait, *urgent* an edit that a person waits
 * for; both may use the whole limit. *Bulk* (a push, a pull) and *discovery* (the background look) take turns with each
 * other and are patient: they leave a reserve, and send part of their requests one by one instead of all at once.
 */
import type { RequestTicket } from '../lib/gate.ts';

export type RequestClass = 'control' | 'urgent' | 'bulk' | 'discovery';

export function classOf({ lane, urgent, discovery }: RequestTicket): RequestClass {
  if (lane === 'control') return 'control';
  if (urgent === true) return 'urgent';
  return discovery === true ? 'discovery' : 'bulk';
}

/** Whether the class leaves a reserve and spreads its requests. */
export function isPatient(of: RequestClass): boolean {
  return of === 'bulk' || of === 'discovery';
}

/** Requests of each window that the patient classes leave alone, so that an edit goes at once under full load. */
export function reserveOf(limit: number): number {
  return limit < 20 ? 0 : Math.min(16, Math.max(1, Math.floor(limit / 40)));
}
