/** Contract placeholder: the core's author fills it in. */
import type { DirPath, RelPath } from './path.ts';

/** Which entries are left out, in gitignore syntax. Immutable. */
export interface IgnoreRules {
  /** `folder` tells patterns that end in a slash. Parents are not looked at: a walker never enters an ignored folder. */
  ignores(path: RelPath, folder: boolean): boolean;
  /** The same rules with those of an ignore file that lies in `dir`. */
  withFile(dir: DirPath, text: string): IgnoreRules;
  /** Equal for equal rules. */
  readonly fingerprint: string;
}
