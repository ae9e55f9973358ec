/** The sentence that the page shows. */
export function describeVisits(visits: number): string {
  if (visits === 0) return 'No visits yet.';
  return visits === 1 ? 'One visit.' : `${visits} visits.`;
}
