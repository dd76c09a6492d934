#include "matrix.hpp"
#include <vector>

namespace math {

constexpr int kRank = 2;

/// A dense matrix.
template <typename T>
class Matrix : public Shape {
public:
    Matrix(int rows, int columns);
    ~Matrix() = default;

    T at(int row, int column) const { return cells_[row * columns_ + column]; }
    bool operator==(const Matrix& other) const;
    static Matrix identity(int size);

private:
    std::vector<T> cells_;
    int columns_;
};

struct Point {
    double x, y;
};

enum class Order { Row, Column };

using Grid = Matrix<int>;

template <typename T>
Matrix<T>::Matrix(int rows, int columns) : cells_(rows * columns), columns_(columns) {}

template <typename T>
bool Matrix<T>::operator==(const Matrix& other) const {
    return cells_ == other.cells_;
}

// Adds up the diagonal.
double trace(const Grid& grid) {
    return sum(grid);
}

void Canvas::draw(Point at) {
    at.x = 1;
}

}  // namespace math
