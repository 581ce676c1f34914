/** One hour of the chart: heights only; what is read is text elsewhere. */
export interface HourBar {
  label: string
  today: number | null
  before: number | null
}
