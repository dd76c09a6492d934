import React, { useMemo } from 'react';
import { Row } from './row';

interface TableProps {
  rows: string[];
}

/** A table of rows. */
export function Table({ rows }: TableProps) {
  const sorted = useMemo(() => [...rows].sort(), [rows]);
  return <table>{sorted.map((row) => <Row key={row} text={row} />)}</table>;
}

export const Empty: React.FC = () => <p>none</p>;
