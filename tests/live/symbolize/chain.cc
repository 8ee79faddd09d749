// Names that have to be demangled: main → shop::Basket<int>::pay → (shop::total, inlined) → shop::(anonymous namespace)::count → walk.
#include "walk.h"

namespace shop {
namespace {
__attribute__((noinline)) void count(long)
{
	walk();
	__asm__ volatile("");
}
}

static inline __attribute__((always_inline)) void total(long things)
{
	count(things);
	__asm__ volatile("");
}

template <typename T> struct Basket {
	__attribute__((noinline)) void pay(T thing) const
	{
		total(thing);
		__asm__ volatile("");
	}
};
}

int main()
{
	shop::Basket<int>().pay(1);
	return 0;
}
