// SwiGLU (Shazeer 2020) on gate and up side by side: a = silu(gate) * up, silu(z) = z * sigmoid(z).
import type { Value } from '../recorder';
import type { Tape } from '../tape';
import { gatedActivation } from './gated-activation';

/** @param gateUp [rows, 2 * size], gate first. @returns [rows, size]. */
export const swiglu = (tape: Tape, gateUp: Value): Value => gatedActivation(tape, gateUp, 'silu');
