// What a place passed over by itself stands in the report as well: it never came as rows.
import type { DataBackend } from '../backends/data-backend';
import type { BucketReport } from '../metadata/bucket-report';
import { FILTER_REASONS } from '../metadata/filtering-statistics';

/** Once, when all was read. */
export function countRejected(report: BucketReport, source: DataBackend): void {
  const rejected = source.rejected?.() ?? {};
  for (const reason of FILTER_REASONS) report.leaveOut(reason, rejected[reason] ?? 0);
}
