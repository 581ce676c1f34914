export interface HourBar {
  label: string
  today: number | null
  before: number | null
  /** Lines of the tooltip. */
  read: readonly string[]
}
