// What a setting of a backend is shown with, be it one control or a section of them.
import type { BackendField } from '../../../core/config/backends/describe-fields';
import type { BackendProblem } from '../../../protocol/backends';

export interface SettingProps {
  field: BackendField;
  value: unknown;
  problems: readonly BackendProblem[];
  /** Where it stands: `mapping`, `mapping.prompt`. */
  path: string;
  disabled?: boolean;
  onvalue: (value: unknown) => void;
}
