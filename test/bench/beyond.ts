/** What a sync asks for and sends, told apart from the look that every sync begins with. */
import type { Shop } from './product.ts';

export interface Asked {
  readonly requests: number;
  /** Bytes of content, up and down. */
  readonly bytes: number;
}

/** Runs a sync and tells what it asked for; of an unchanged pair that is the look. */
export async function requestsOf(shop: Shop): Promise<Asked> {
  await shop.wire?.reset();
  const ran = await shop.run('sync');
  const { bytes } = JSON.parse(ran.stdout) as { bytes: { up: number; down: number } };
  return { requests: (await shop.wire?.requests()) ?? Number.NaN, bytes: bytes.up + bytes.down };
}
