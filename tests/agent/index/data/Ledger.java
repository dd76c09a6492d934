package org.example.bank;

import java.util.List;
import org.example.money.Amount;
import static org.example.money.Rounding.halfUp;

/**
 * Keeps what was booked.
 */
public class Ledger extends Book implements Iterable<Entry> {
    private static final int LIMIT = 100;
    private final List<Entry> entries;

    /** Starts empty. */
    public Ledger(List<Entry> entries) {
        this.entries = entries;
    }

    @Override
    public Amount total(String account) throws LedgerException {
        return halfUp(entries.stream().map(Entry::amount));
    }

    enum Kind {
        DEBIT,
        CREDIT;

        boolean isDebit() {
            return this == DEBIT;
        }
    }

    record Entry(String account, Amount amount) {}

    interface Visitor<T> extends Closer {
        T visit(Entry entry);
    }

    @interface Audited {
        String by() default "";
    }
}
