<?php

namespace Shop\Checkout;

use Shop\Money\Price;
use Shop\Tax\{Rate, Zone as Area};

require_once 'helpers.php';

const LIMIT = 10;

/**
 * What a customer wants to buy.
 */
final class Cart extends Basket implements Countable
{
    use Logs;

    private array $items = [];
    public const MAX = 5;

    public function __construct(private Price $price)
    {
    }

    // Adds one.
    public function add(Item $item, int $count = 1): static
    {
        $this->items[] = new Line($item, $count);
        return notify($this);
    }

    abstract protected function total(): Price;
}

interface Countable
{
    public function count(): int;
}

trait Logs
{
    function log(string $text) { Logger::write($text); }
}

enum Status: string
{
    case Open = 'open';
    case Paid = 'paid';
}

function checkout(Cart $cart): bool
{
    return $cart->total() > 0;
}
