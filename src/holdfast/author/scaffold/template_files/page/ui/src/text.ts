/** The sentence that the page shows: the time in hours and minutes. */
export function describeTime(now: Date): string {
  const [hours, minutes] = [now.getHours(), now.getMinutes()].map((part) => String(part).padStart(2, '0'));
  return `It is ${hours}:${minutes}.`;
}
