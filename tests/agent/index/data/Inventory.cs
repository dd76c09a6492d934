using System;
using Shop.Money;

namespace Shop.Stock
{
    /// <summary>What is in store.</summary>
    public class Inventory : Store, IDisposable
    {
        private readonly Dictionary<string, int> _counts = new();
        public event EventHandler Changed;
        public const int Limit = 10;

        public int Total { get; private set; }

        public Inventory(int capacity)
        {
            Total = capacity;
        }

        // Takes one out.
        [Obsolete]
        public bool Take(string name, int count = 1)
        {
            int Left() { return _counts[name] - count; }
            return Left() > 0;
        }

        public static Inventory operator +(Inventory a, Inventory b) => a.Merge(b);
    }

    public interface ICounter<T>
    {
        T Count(string name);
    }

    public enum Level { Low, High }

    public struct Slot
    {
        public int Row;
    }

    public record Item(string Name, Price Price);

    public delegate void Handler(object sender);
}
