/**
 * What train writes into report.html: no report, numbers and label names only, or also the texts of
 * evaluation rows (the hardest examples). A task whose folder is published as source takes
 * `metrics`; the bucket gets a report in no case.
 */
export const REPORT_LEVELS = ["none", "metrics", "full"] as const;
export type ReportLevel = (typeof REPORT_LEVELS)[number];

export const DEFAULT_LEVEL: ReportLevel = "full";
