// What of Intl there are no data for: using it says so.

const absent = (name: string) => {
  const Absent = class {
    constructor() {
      throw new RangeError(`Intl.${name} is not available in extensions`);
    }

    static supportedLocalesOf(): string[] {
      return [];
    }
  };
  Object.defineProperty(Absent, 'name', { value: name });
  return Absent;
};

export const DisplayNames = absent('DisplayNames');
export const Segmenter = absent('Segmenter');
export const DurationFormat = absent('DurationFormat');
